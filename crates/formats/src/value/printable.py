"""Writes printable.rs: python3.11 printable.py > printable.rs"""

import sys
import unicodedata


def ranges():
    start = None
    for point in range(0x80, 0x110001):
        printable = point == 0x110000 or chr(point).isprintable()
        if not printable and start is None:
            start = point
        elif printable and start is not None:
            yield start, point - 1
            start = None


print("//! Made by printable.py from Unicode %s, the version of CPython %d.%d. Not to be edited." % (
    unicodedata.unidata_version, *sys.version_info[:2]))
print()
print("/// The characters beyond ASCII that Python's `str.isprintable()` refuses, as ranges with both ends.")
print("#[rustfmt::skip]")
print("pub(super) const NOT_PRINTABLE: &[(u32, u32)] = &[")
line = "   "
for first, last in ranges():
    item = " (%#x, %#x)," % (first, last)
    if len(line + item) > 120:
        print(line)
        line = "   "
    line += item
print(line)
print("];")
