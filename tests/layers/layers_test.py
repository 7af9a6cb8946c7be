"""The layer rule holds, and the check that says so can fail."""
import pathlib
import tempfile
import unittest

import layers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Layers(unittest.TestCase):
    def test_the_table_has_no_cycles(self):
        table = layers.read_table(ROOT / "cmake" / "layers.txt")
        self.assertGreater(len(table), 10)
        self.assertEqual(layers.check_table(table), [])

    def test_every_include_is_allowed(self):
        table = layers.read_table(ROOT / "cmake" / "layers.txt")
        self.assertEqual("\n".join(layers.check_sources(ROOT / "src", table)), "")

    def test_nothing_outside_src_is_included_from_src(self):
        for path in sorted((ROOT / "src").rglob("*.[hc]*")):
            self.assertNotIn('#include "../', path.read_text(errors="replace"), path)

    def test_the_sdk_stands_alone(self):
        self.assertEqual("\n".join(layers.check_sdk(ROOT / "sdk" / "cpp")), "")


class Checker(unittest.TestCase):
    """Check the checker: planted faults in a tree of three modules."""

    TABLE = {"base": [], "net": ["base"], "app": ["net", "base"]}

    def problems(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return layers.check_sources(folder, {**self.TABLE, "model": ["base"]}, {"rocksdb/": {"net"}})

    def test_a_clean_tree_has_no_problems(self):
        self.assertEqual(self.problems({
            "base/a.h": "#include <string>\n", "net/b.h": '#include "base/a.h"\n#include "net/c.h"\n',
            "net/c.h": "#include <rocksdb/db.h>\n", "app/main.cc": '  #  include "net/b.h"\n'}), [])

    def test_an_include_upwards_is_found(self):
        self.assertEqual(self.problems({"net/b.h": "", "base/a.h": '\n#include "net/b.h"\n'}),
                         ["base/a.h:2: base may not use net"])

    def test_a_technology_in_a_second_folder_is_found(self):
        self.assertEqual(self.problems({"app/x.cc": "#include <rocksdb/db.h>\n"}), ["app/x.cc:1: <rocksdb/db.h> belongs to net"])

    def test_a_test_may_use_any_technology(self):
        self.assertEqual(self.problems({"app/x_test.cc": "#include <rocksdb/db.h>\n"}), [])

    def test_a_library_in_the_sdk_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            sdk = pathlib.Path(folder)
            for name, text in {"include/holdfast/sdk/a.h": "#include <string>\n#include <nlohmann/json.hpp>\n#include \"holdfast/sdk/b.h\"\n",
                               "src/a.cc": '#include "holdfast/sdk/a.h"\n#include "base/check.h"\n', "src/server/s.cc": '#include "net/tls.h"\n',
                               "src/a_test.cc": "#include <gtest/gtest.h>\n"}.items():
                (sdk / name).parent.mkdir(parents=True, exist_ok=True)
                (sdk / name).write_text(text)
            self.assertEqual(layers.check_sdk(sdk), ["include/holdfast/sdk/a.h:2: the SDK stands alone, and includes nlohmann/json.hpp",
                                                     "src/a.cc:2: the SDK stands alone, and includes base/check.h"])

    def test_a_missing_header_is_found(self):
        self.assertEqual(self.problems({"base/a.h": '#include "base/gone.h"\n'}), ["base/a.h:1: there is no src/base/gone.h"])

    def test_a_header_without_its_module_is_found(self):
        self.assertEqual(self.problems({"base/a.h": "", "base/b.cc": '#include "a.h"\n'}),
                         ['base/b.cc:1: "a.h" is named without its module'])

    def test_a_module_outside_the_table_is_found(self):
        self.assertEqual(self.problems({"utils/a.h": ""}), ["utils/: is not in layers.txt"])

    def test_a_clock_in_a_pure_module_is_found(self):
        self.assertEqual(self.problems({"model/a.h": "#include <chrono>\n"}), ["model/a.h:1: model is pure, and includes <chrono>"])

    def test_a_cycle_in_the_table_is_found(self):
        self.assertEqual(layers.check_table({"base": ["net"], "net": ["base"]}),
                         ["layers.txt: base may use net, which stands beside or above it"])
        self.assertEqual(layers.check_table({"base": ["gone"]}), ["layers.txt: base may use gone, which is no module"])
