"""Everything public of the C++ SDK is documented: Doxygen has nothing to say about its headers."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SDK = pathlib.Path(__file__).resolve().parent.parent.parent / "sdk" / "cpp"


@unittest.skipUnless(shutil.which("doxygen"), "no doxygen: make packages-docs")
class SdkReference(unittest.TestCase):
    def doxygen(self, headers):
        with tempfile.TemporaryDirectory() as out:
            return subprocess.run(["doxygen", SDK / "Doxyfile"], cwd=headers, env={**os.environ, "SDK_DOCS": out, "SDK_VERSION": "test"},
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def test_every_public_name_is_documented(self):
        done = self.doxygen(SDK)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_name_without_a_comment_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "include").mkdir()
            (pathlib.Path(folder) / "include" / "x.h").write_text("/// @file\n/// A header.\n#pragma once\nvoid mute();\n")
            done = self.doxygen(folder)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("mute", done.stderr)


if __name__ == "__main__":
    unittest.main()
