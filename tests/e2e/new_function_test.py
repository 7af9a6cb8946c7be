"""`holdfast new function`, as its README says: from an empty folder to a function that is built, tested, run, killed and goes on."""
import os
import re
import shlex
import shutil
import subprocess
import unittest

from harness import FUNCTIONS, ROOT, VENV_PYTHON, Case, FunctionServer
from running import binary

BUILD_SECONDS = 1500


class Project(Case):
    def new(self, name, language, *options):
        return subprocess.run([binary(), "new", "function", name, "--lang", language, *options], cwd=self.folder,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def make(self, name, language):
        done = self.new(name, language)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.project = self.folder / name.rsplit("/", 1)[-1]
        self.readme = (self.project / "README.md").read_text()
        for path in re.findall(r"^  (\S+)$", done.stdout, re.M):
            self.assertTrue((self.folder / path).is_file(), path)

    def run_line(self, line, *more, program=None, env=None, seconds=120):
        """Runs a line of the README in the project; `program` takes the place of its first word."""
        self.assertIn(line, [each.split("  #")[0].strip() for each in self.readme.splitlines()])
        words = shlex.split(line) + [str(each) for each in more]
        if program:
            words[0] = str(program)
        done = subprocess.run(words, cwd=self.project, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=seconds)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def serve(self, *command):
        server = FunctionServer([self.project / word if (self.project / word).exists() else word for word in command], name="the new functions")
        self.started.append(server)
        self.up(self.project / "module.yaml", env={"FUNCTIONS_URL": server.url})

    def greeting(self, function):
        return self.holdfast.cli("call", f"{function}/bob", "Bob").stdout.strip()

    def greets_and_goes_on_counting(self, function, module):
        for line in (f"holdfast call {function}/bob Bob", f"holdfast state get {function}/bob", f"holdfast up {module} --data ./data"):
            self.assertIn(line, self.readme)
        self.assertEqual(self.greeting(function), "Hello Bob, seen 1 times")
        environment = {"FUNCTIONS_URL": self.started[0].url} if module == "module.yaml" else {}
        self.holdfast.kill()
        self.up(self.project / module, env=environment)
        self.assertEqual(self.greeting(function), "Hello Bob, seen 2 times")
        self.assertEqual(self.state(function, "bob"), {"seen": 2})


class NewFunction(Project):
    def test_in_javascript_is_tested_and_runs(self):
        self.make("shop/cart", "js")
        self.assertIn("npm install", self.readme)
        (self.project / "node_modules").symlink_to(FUNCTIONS / "node_modules")  # The packages it would install.
        self.assertIn("pass 3", self.run_line("npm test"))
        self.assertIn("npm start ", self.readme)
        self.assertIn('"start": "node server.js"', (self.project / "package.json").read_text())
        self.serve("node", "server.js")
        self.greets_and_goes_on_counting("shop/cart", "module.yaml")

    def test_in_python_is_tested_and_runs(self):
        self.make("shop/cart", "py")
        self.assertIn("pip install -r requirements.txt", self.readme)
        self.assertIn("Ran 3 tests", self.run_line(".venv/bin/python -m unittest functions_test", program=VENV_PYTHON))
        self.assertIn(".venv/bin/python server.py ", self.readme)
        self.serve(VENV_PYTHON, "server.py")
        self.greets_and_goes_on_counting("shop/cart", "module.yaml")

    def test_in_cpp_is_built_tested_and_runs_as_a_server_and_as_a_module(self):
        self.make("my-shop/cart", "cpp")
        env = {"CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 2), "CCACHE_BASEDIR": str(ROOT), "CCACHE_NOHASHDIR": "1"}
        if shutil.which("ccache"):
            env["CMAKE_CXX_COMPILER_LAUNCHER"] = "ccache"
        prefix = self.install_sdk(env)
        self.run_line("cmake -S . -B build", env={**env, "CMAKE_PREFIX_PATH": str(prefix)})
        self.run_line("cmake --build build", env=env, seconds=BUILD_SECONDS)
        self.assertIn("100% tests passed", self.run_line("ctest --test-dir build --output-on-failure"))
        self.assertIn("build/cart_server ", self.readme)
        self.serve("build/cart_server")
        self.greets_and_goes_on_counting("my-shop/cart", "module.yaml")

        self.holdfast.kill()
        self.data = self.folder / "native-data"
        self.up(self.project / "native.yaml")
        self.greets_and_goes_on_counting("my-shop/cart", "native.yaml")

    def install_sdk(self, env):
        """As its guide says."""
        build, prefix = self.folder / "sdk", self.folder / "prefix"
        for command in (["cmake", "-S", ROOT / "sdk" / "cpp", "-B", build], ["cmake", "--build", build],
                        ["cmake", "--install", build, "--prefix", prefix]):
            done = subprocess.run(command, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, timeout=BUILD_SECONDS)
            self.assertEqual(done.returncode, 0, done.stdout)
        return prefix

    def test_in_cpp_takes_the_sdk_from_the_sources_of_holdfast_too(self):
        self.make("cart", "cpp")
        self.assertIn("-DHOLDFAST_SOURCE=DIR ", self.readme)
        self.run_line("cmake -S . -B build", f"-DHOLDFAST_SOURCE={ROOT}", "-DHOLDFAST_SDK_SERVER=ON")
        listed = subprocess.run(["cmake", "--build", "build", "--target", "help"], cwd=self.project, capture_output=True, text=True).stdout
        for target in ("cart_server", "cart_module", "cart_test", "holdfast_sdk_server"):
            self.assertIn(target, listed)

    def test_in_cpp_says_what_to_do_where_there_is_no_sdk(self):
        self.make("cart", "cpp")
        done = subprocess.run(["cmake", "-S", ".", "-B", "build", "-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF"], cwd=self.project,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("-DHOLDFAST_SOURCE=DIR", done.stderr)

    def test_a_name_that_would_not_work_is_refused(self):
        for name in ("Cart", "a/b/c", "../cart", "2cart", "holdfast/cart"):
            done = self.new(name, "js")
            self.assertEqual((done.returncode, done.stdout), (2, ""), name)
            self.assertIn(name, done.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertEqual(self.new("cart", "cobol").returncode, 2)

    def test_nothing_is_overwritten(self):
        self.make("cart", "py")
        (self.project / "functions.py").write_text("mine")
        (self.project / "server.py").unlink()
        done = self.new("cart", "py")
        self.assertEqual(done.returncode, 1)
        self.assertIn("functions.py is there already", done.stderr)
        self.assertEqual((self.project / "functions.py").read_text(), "mine")
        self.assertFalse((self.project / "server.py").exists())
        # Somewhere else there is room, also beside files of other names.
        (self.folder / "here").mkdir()
        (self.folder / "here" / "notes.txt").write_text("mine")
        self.assertEqual(self.new("cart", "py", "--dir", "here").returncode, 0)
        self.assertEqual((self.folder / "here" / "notes.txt").read_text(), "mine")


if __name__ == "__main__":
    unittest.main()
