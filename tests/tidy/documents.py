# SPDX-License-Identifier: MIT
#
# usage: documents.py SOURCE
# C++ shown in a document is C++ that compiles: every ```cpp block of README.md, ARCHITECTURE.md and docs/
# must stand word for word in a program of examples/, between lines `// [readme]` and `// [/readme]` (any
# name will do). Also: links to files of the source lead somewhere. Prints TAP.

import re
import sys
import textwrap
from pathlib import Path

root = Path(sys.argv[1])
documents = sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])
block = re.compile(r"^```cpp\n(.*?)^```$", re.M | re.S)
region = re.compile(r"^[ ]*// \[([a-z0-9_-]+)\]\n(.*?)^[ ]*// \[/\1\]$", re.M | re.S)
code = re.compile(r"^```.*?^```$", re.M | re.S)
link = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def shown(text):
    return textwrap.dedent(text).strip("\n")


compiled = {
    shown(match[2])
    for example in sorted(root.glob("examples/*.cpp"))
    for match in region.finditer(example.read_text())
}

results = []
for document in documents:
    text = document.read_text()
    name = document.relative_to(root)
    for number, match in enumerate(block.finditer(text), 1):
        good = shown(match[1]) in compiled
        results.append((good, f"C++ block {number} of {name} is part of an example", match[1]))
    dead = [target for target in link.findall(code.sub("", text)) if not (document.parent / target).exists()]
    results.append((not dead, f"links of {name} lead somewhere", "\n".join(dead)))

print(f"1..{len(results)}")
for number, (good, title, detail) in enumerate(results, 1):
    print(f"{'ok' if good else 'not ok'} {number} - {title}")
    if not good:
        print(textwrap.indent(detail, "# "))
sys.exit(any(not good for good, _, _ in results))
