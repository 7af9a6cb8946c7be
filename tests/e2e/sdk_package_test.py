"""The C++ SDK as others get it: installed and found, or as a part of their own build; with nothing of this tree's build."""
import os
import signal
import subprocess
import unittest
import urllib.parse

from harness import ROOT, Case

SDK = ROOT / "sdk" / "cpp"
BUILD_SECONDS = 1500


class Package(Case):
    def run_in(self, folder, *command):
        done = subprocess.run([str(part) for part in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=BUILD_SECONDS)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def build(self, source, name, *options):
        build = self.folder / name
        launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if any(
            os.access(f"{path}/ccache", os.X_OK) for path in os.environ.get("PATH", "").split(":")) else []
        self.run_in(self.folder, "cmake", "-G", "Ninja", "-S", source, "-B", build, *launcher, *options)
        self.run_in(self.folder, "cmake", "--build", build)
        return build

    def check_consumer(self, build):
        self.run_in(build, "ctest", "--output-on-failure")
        shown = self.run_in(build, "nm", "-D", "--defined-only", build / "greeter.so").split()
        self.assertEqual(shown[1:], ["T", "holdfast_module"])

    def test_an_installed_sdk_is_found_and_has_all_that_it_needs(self):
        prefix = self.folder / "prefix"
        sdk = self.build(SDK, "sdk")
        self.run_in(sdk, "cmake", "--install", sdk, "--prefix", prefix)
        consumer = self.build(SDK / "tests" / "consumer", "consumer", f"-DCMAKE_PREFIX_PATH={prefix}")
        self.check_consumer(consumer)
        # The server is complete, too.
        path = self.folder / "f.sock"
        server = subprocess.Popen([consumer / "server", path], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.stderr.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.assertIn(urllib.parse.quote(str(path)), server.stderr.readline())
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(60), 0)

    def test_the_sdk_is_a_part_of_somebodys_build(self):
        self.check_consumer(self.build(SDK / "tests" / "consumer", "consumer", f"-DHOLDFAST_SDK_SOURCE={SDK}", "-DHOLDFAST_SDK_SERVER=OFF"))


if __name__ == "__main__":
    unittest.main()
