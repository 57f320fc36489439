"""Readers of large data sets, each run alone by the interpreter that has its library.

`measure.py` is the script; the other modules are what it measures. They import nothing of this
package, so that an interpreter without it can run them.
"""
