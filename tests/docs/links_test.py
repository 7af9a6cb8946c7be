"""Links between documents lead somewhere: to files that are there, and to headings that are in them."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.M)


def own(folder):
    """Its documents, without those of packages."""
    return [path for path in folder.rglob("*.md") if not {"node_modules", "target", "build"} & set(path.parts[len(ROOT.parts):])]


def prose(text):
    return FENCE.sub("", text)


def anchor(heading):
    """As GitHub makes them: lower case, without punctuation, blanks as hyphens."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def anchors(path):
    found = set()
    for heading in HEADING.findall(prose(path.read_text())):
        name, number = anchor(heading), 0
        while (name if number == 0 else f"{name}-{number}") in found:
            number += 1
        found.add(name if number == 0 else f"{name}-{number}")
    return found


class LinksTest(unittest.TestCase):
    def test_every_link_of_a_document_leads_somewhere(self):
        documents = [*ROOT.glob("*.md"), *(path for folder in ("docs", "examples", "sdk", "tests", "bench") for path in own(ROOT / folder))]
        self.assertIn(ROOT / "README.md", documents)
        dead = []
        for document in documents:
            for target in LINK.findall(prose(document.read_text())):
                if re.match(r"[a-z]+:", target):
                    continue
                name, _, heading = target.partition("#")
                path = (document.parent / name).resolve() if name else document
                if not path.exists():
                    dead.append(f"{document.relative_to(ROOT)}: {target}: no such file")
                elif heading and path.suffix == ".md" and heading not in anchors(path):
                    dead.append(f"{document.relative_to(ROOT)}: {target}: no such heading")
        self.assertEqual(dead, [])


if __name__ == "__main__":
    unittest.main()
