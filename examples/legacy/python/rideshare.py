"""Riders, drivers and the cells of a map on which they meet.

    rider --FindDriver--> cell --Pickup--> driver --RideStarted, RideEnded--> rider
                          cell --NoDriver--> rider, which asks again a little later

A driver reports where it is (DriverAt). With nobody in the car it waits in its cell; with a rider it has arrived when the cell is the rider's.
"""
from datetime import timedelta
from typing import Union

from statefun import StatefulFunctions, kafka_egress_record

from messages_pb2 import (AskAgain, Cell, DriverAt, Drivers, FindDriver, JoinCell, Journey, LeaveCell, NoDriver, Pickup,
                          RequestRide, Ride, RideEnded, Rides, RideStarted, RideStatus)

RIDER, DRIVER, CELL = "rideshare/rider", "rideshare/driver", "rideshare/cell"
TO_RIDERS = "rideshare/to-riders"
ASK_AGAIN = timedelta(milliseconds=200)
ASKED_MAX = 50


def bind(functions: StatefulFunctions):
    functions.register(RIDER, rider)
    functions.register(DRIVER, driver)
    functions.register(CELL, cell)


# --- rider: states `journey` (while there is one) and `rides`

async def rider(context, message: Union[RequestRide, RideStarted, RideEnded, NoDriver, AskAgain]):
    journey = context.state("journey").unpack(Journey)
    if isinstance(message, RequestRide):
        if journey:
            return  # One at a time.
        journey = Journey(from_cell=message.from_cell, to_cell=message.to_cell)
        tell(context, RideStatus.REQUESTED)
        ask(context, journey)
    elif not journey:
        return  # It has expired, or was given up.
    elif isinstance(message, NoDriver):
        if journey.asked >= ASKED_MAX:
            tell(context, RideStatus.NO_DRIVER)
            del context["journey"]
            return
        context.pack_and_send_after(ASK_AGAIN, RIDER, context.address.identity, AskAgain())
    elif isinstance(message, AskAgain):
        ask(context, journey)
    elif isinstance(message, RideStarted):
        journey.driver = message.driver
        context.state("journey").pack(journey)
        tell(context, RideStatus.STARTED, journey.driver)
    elif isinstance(message, RideEnded):
        rides = context.state("rides").unpack(Rides) or Rides()
        rides.count += 1
        context.state("rides").pack(rides)
        tell(context, RideStatus.ENDED, journey.driver, rides.count)
        del context["journey"]


def ask(context, journey):
    journey.asked += 1
    context.state("journey").pack(journey)
    context.pack_and_send(CELL, str(journey.from_cell), FindDriver(to_cell=journey.to_cell))


def tell(context, status, driver="", rides=0):
    me = context.address.identity
    value = RideStatus(status=status, rider=me, driver=driver, rides=rides)
    context.pack_and_send_egress(TO_RIDERS, kafka_egress_record(topic="rides", key=me, value=value))


# --- driver: states `location` and `ride` (while there is one)

async def driver(context, message: Union[DriverAt, Pickup]):
    location = context.state("location").unpack(Cell)
    ride = context.state("ride").unpack(Ride)
    if isinstance(message, Pickup):
        context.state("ride").pack(Ride(rider=message.rider, to_cell=message.to_cell))
        context.pack_and_send(RIDER, message.rider, RideStarted(driver=context.address.identity))
        return

    if location and location.number != message.cell and not ride:
        context.pack_and_send(CELL, str(location.number), LeaveCell())
    context.state("location").pack(Cell(number=message.cell))
    if ride and ride.to_cell != message.cell:
        return  # Still on the way.
    if ride:
        context.pack_and_send(RIDER, ride.rider, RideEnded(cell=message.cell))
        del context["ride"]
    context.pack_and_send(CELL, str(message.cell), JoinCell())


# --- cell: state `drivers`, those that wait, longest first

async def cell(context, message: Union[JoinCell, LeaveCell, FindDriver]):
    drivers = context.state("drivers").unpack(Drivers) or Drivers()
    waiting = list(drivers.waiting)
    who = context.caller.identity
    if isinstance(message, FindDriver):
        if not waiting:
            context.pack_and_reply(NoDriver())
            return
        context.pack_and_send(DRIVER, waiting.pop(0), Pickup(rider=who, to_cell=message.to_cell))
    elif isinstance(message, LeaveCell):
        waiting = [driver for driver in waiting if driver != who]
    elif who not in waiting:
        waiting.append(who)
    if waiting:
        context.state("drivers").pack(Drivers(waiting=waiting))
    else:
        del context["drivers"]
