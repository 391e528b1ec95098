"""Scripted evaluation: sets of questions, runs, scores, comparisons, reports and drafts of cases.

datasets, adapters  files of questions to cases; public sets bring their own documents
runner              cases to saved rows, one at a time, resumable
metrics, scoring    saved rows to scores; never a model, never the network
statistics          intervals and paired tests
compare             two runs, or many, side by side
report, plots       pages that open from disk
drafts              cases proposed from documents, to be reviewed by a person
"""
