"""The report of a run: what is sampled while it runs, its figures, its charts, and the page that holds them.

Free of any trading kernel. Bokeh is imported by `charts` and `page` alone, which are imported to write a report.
"""
