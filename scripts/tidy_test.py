#!/usr/bin/env python3
"""A check that never finds anything is no check: every rule of tidy.py against a tree that breaks
it, and against one that does not."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
import tidy  # noqa: E402

LAW = """
| room | what | may use |
|---|---|---|
| `base/` | bytes | |
| `ip/` | addresses | base |
| `net/` | sockets | base |
| `site/` | all of it | all |
"""


class Tidy(unittest.TestCase):
    def faults(self, **written):
        """What is said of a sound tree in which these files are added or replaced."""
        tree = {
            "docs/architecture.md": LAW,
            "src/base/CMakeLists.txt": "causeway_room(base)\n",
            "src/ip/CMakeLists.txt": "causeway_room(ip USES base)\n",
            "src/net/CMakeLists.txt": "causeway_room(net USES base LIBRARIES Boost::headers)\n",
            "src/site/CMakeLists.txt": "causeway_room(site USES base ip net)\n",
        }
        tree.update(written.get("files", {}))
        with tempfile.TemporaryDirectory() as folder:
            top = pathlib.Path(folder)
            for name, text in tree.items():
                (top / name).parent.mkdir(parents=True, exist_ok=True)
                (top / name).write_text(text, encoding="utf-8")
            return list(tidy.faults(top))

    def one(self, name, text):
        found = self.faults(files={name: text})
        self.assertEqual(len(found), 1, found)
        return found[0]

    def none(self, name, text):
        self.assertEqual(self.faults(files={name: text}), [])

    def test_a_sound_tree_has_no_faults(self):
        self.assertEqual(self.faults(), [])

    def test_cmake_is_held_to_the_architecture(self):
        self.assertIn("may not use net/", self.one("src/ip/CMakeLists.txt",
                                                   "causeway_room(ip USES base net)\n"))
        self.assertIn("says nothing of", self.one("src/attic/CMakeLists.txt",
                                                  "causeway_room(attic)\n"))

    def test_an_include_is_held_to_cmake(self):
        self.assertIn("ip/ does not use net/", self.one("src/ip/a.cpp", '#include "net/io.hpp"\n'))
        self.assertIn("base/ does not use ip/", self.one("src/base/a_test.cpp",
                                                         '#include "ip/a.hpp"\n'))
        self.none("src/site/a.cpp", '#include "net/io.hpp"\n')

    def test_engines_know_no_clock_thread_chance_or_socket(self):
        for line in ("#include <thread>", "auto t = std::chrono::steady_clock::now();",
                     "std::unordered_map<int, int> m;", "std::random_device d;",
                     "#include <boost/asio.hpp>", "#include <sys/socket.h>"):
            self.assertIn("has no place in ip/", self.one("src/ip/a.cpp", line + "\n"))
            self.none("src/net/a.cpp", line + "\n")
            self.none("src/ip/a.cpp", "// not " + line + "\n")

    def test_headers_stay_light(self):
        text = "#pragma once\n#include <toml++/toml.h>\n"
        self.assertIn("too heavy", self.one("src/site/a.hpp", text))
        self.none("src/site/a.cpp", "#include <toml++/toml.h>\n")

    def test_a_header_is_included_once(self):
        self.assertIn("#pragma once", self.one("src/ip/a.hpp", "int a();\n"))

    def test_lines_and_files_have_an_end(self):
        self.assertIn("101 columns", self.one("src/ip/a.cpp", "/" * 101 + "\n"))
        self.none("src/ip/a.cpp", "// " + "§" * 97 + "\n")
        self.assertIn("501 lines", self.one("src/ip/a.cpp", "\n" * 501))
        self.none("src/ip/a_test.cpp", "\n" * 501)
        self.assertIn("no end", self.one("README.md", "text"))
        self.assertIn("blanks", self.one("README.md", "text \n"))

    def test_tests_neither_sleep_nor_skip(self):
        for line in ("GTEST_SKIP();", "TEST(A, DISABLED_B) {}"):
            self.assertIn("skips or is off", self.one("src/net/a_test.cpp", line + "\n"))
        sleep = "std::this_thread::sleep_for(1s);\n"
        self.assertIn("a test that sleeps", self.one("src/ip/a_test.cpp", sleep))
        self.none("src/net/a_test.cpp", sleep)

    def test_nothing_is_left_open(self):
        for word in ("TODO", "FIXME", "for now"):
            self.assertIn("left open", self.one("src/ip/a.cpp", f"// {word} it works\n"))

    def test_citations_have_one_form(self):
        for good in ("RFC 6282 §3.1.1", "RFC 7967", "RFC 4443 §4.1, §4.2", "RFC 6552, RFC 6719",
                     "RFC 6550 §9.2, rule 2", "RFC 8180 Appendix A.4", "RFC 7252; RFC 7641 §2",
                     "RFC 854 \"The NVT printer\""):
            self.none("src/ip/a.cpp", f"// [{good}]\n")
        for bad in ("RFC6282", "§6.7.5, RFC 4191", "RFC 6282 3.1.1", "RFC 6282 section 3"):
            found = self.faults(files={"src/ip/a.cpp": f"// [{bad}]\n"})
            self.assertTrue(found, bad)

    def test_no_path_of_a_machine(self):
        for path in ("/ho" "me/ada/src", "/wo" "rk/x"):
            self.assertIn("somebody's machine", self.one("docs/a.md", f"see {path}\n"))


if __name__ == "__main__":
    unittest.main()
