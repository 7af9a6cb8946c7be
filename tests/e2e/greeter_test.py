"""The greeter in three languages, each on its unmodified SDK, behind the same module.yaml."""
import unittest

from harness import ROOT, VENV_PYTHON, Case, FunctionServer

GREETER = ROOT / "examples" / "greeter"
SERVERS = {
    "javascript": ["node", GREETER / "javascript" / "server.js"],
    "python": [VENV_PYTHON, GREETER / "python" / "server.py"],
    "java": ["java", "-XX:TieredStopAtLevel=1", "-jar", GREETER / "java" / "target" / "greeter.jar"],
}


class Greeter:
    language = None

    def start(self):
        functions = FunctionServer(SERVERS[self.language], name=f"greeter in {self.language}")
        self.started.append(functions)
        self.env = {"GREETER_URL": functions.url, "GREETER_INGRESS_PORT": "0", "GREETER_EGRESS_PORT": "0"}
        self.up(GREETER / "module.yaml", env=self.env)

    def greet(self, id, name):
        return self.ask(("127.0.0.1", self.holdfast.ports["ingress"][0]), "PUT", f"/example/greeter/{id}",
                        f'{{"name": "{name}"}}'.encode(), {"Content-Type": "application/vnd.example/GreetRequest"})

    def pop(self):
        """The next greeting: the playground answers with an empty body while there is none."""
        def take():
            return self.ask(("127.0.0.1", self.holdfast.ports["egress"][0]), "GET", "/greetings").text
        return self.eventually(take, "a greeting")

    def test_playground_ingress_and_egress_work_and_the_state_survives_kill(self):
        self.start()
        self.assertIn(self.greet("bob", "Bob").status, (200, 202))
        self.assertEqual(self.pop(), "Welcome Bob!")
        self.assertIn(self.greet("bob", "Bob").status, (200, 202))
        self.assertEqual(self.pop(), "Welcome back Bob!")

        self.holdfast.kill()
        self.up(GREETER / "module.yaml", env=self.env)
        self.greet("bob", "Bob")
        self.assertEqual(self.pop(), "Hello Bob, visit number 3!")
        self.greet("eve", "Eve")
        self.assertEqual(self.pop(), "Welcome Eve!")

    def test_send_and_call_work_with_text_and_with_a_type(self):
        self.start()
        self.assertSent("example/greeter", "al", "Al")
        answer = self.assertAnswer("Welcome back Al!", "example/greeter", "al", "Al")
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain"), answer.headers["Content-Type"])
        self.assertAnswer("Hello Al, visit number 3!", "example/greeter", "al", '{"name": "Al"}', "example/GreetRequest")
        self.assertAnswer("Hello Al, visit number 4!", "example/greeter", "al", '{"name": "Al"}',
                          **{"Content-Type": "application/vnd.example/GreetRequest"})
        # One greeting for each message, in order.
        self.assertEqual([self.pop() for _ in range(4)],
                         ["Welcome Al!", "Welcome back Al!", "Hello Al, visit number 3!", "Hello Al, visit number 4!"])


class GreeterInJavaScript(Greeter, Case):
    language = "javascript"


class GreeterInPython(Greeter, Case):
    language = "python"


class GreeterInJava(Greeter, Case):
    language = "java"


if __name__ == "__main__":
    unittest.main()
