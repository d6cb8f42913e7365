"""Talking about printers: with people (sentences and intents) and with language models.

`printers` says which printers somebody may speak of and which one is meant, `phrases`
holds the words of each language, `answers` puts the state of a printer into words,
`intents` does what was asked for, `sentences` recognises it, `confirmation` makes sure
before anything is lost, and `tools` is all of it for language models.
"""
