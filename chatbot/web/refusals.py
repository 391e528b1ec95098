"""Why a file was not added, in French: the core speaks one language, the page two.

A message that is not known stays as it is.
"""

from __future__ import annotations

import re

from chatbot.records import Language

_KINDS = {
    "a PDF": "un PDF",
    "a Word file": "un fichier Word",
    "an archive": "une archive",
    "an old Office file": "un ancien fichier Office",
    "a database": "une base de données",
    "a model": "un modèle",
    "a picture": "une image",
    "a program": "un programme",
    "empty": "vide",
    "text": "du texte",
}
_KIND = re.compile("|".join(_KINDS))
_IS_NOT = r"(.+) is (.+), not (.+) as its name says\."
_FRENCH = (
    (r"(.+) is larger than (\S+) MB\.", r"\1 dépasse \2 Mo."),
    (r"There is already a document (.+)\.", r"Il y a déjà un document \1."),
    (r"There are already (\S+) documents\.", r"Il y a déjà \1 documents."),
    (r"There is no room: (\S+) MB is the most\.", r"Il n’y a plus de place : \1 Mo au plus."),
    (r"(.+) is of a kind that is not read\.", r"\1 est d’un genre qui n’est pas lu."),
    (r"Use (\..+)\.", r"Genres lus : \1."),
    (_IS_NOT, r"\1 est \2 et non \3 comme son nom le dit."),
    (r"(.+) unpacks to more than (\S+) MB\.", r"\1 fait plus de \2 Mo une fois décompressé."),
    (r"(.+) takes longer than (\S+) seconds to read\.", r"Lire \1 prend plus de \2 secondes."),
    (r"(.+) cannot be read safely\.", r"\1 ne peut pas être lu sans danger."),
    (r"(.+) cannot be read: (\S+)\.", r"\1 ne peut pas être lu (\2)."),
    (r"(.+) cannot be written: (.+)\.", r"\1 ne peut pas être enregistré (\2)."),
    (r"(.+) holds more than (\S+) characters of text\.", r"\1 contient plus de \2 caractères."),
    (r"(.+) holds no text\.", r"\1 ne contient pas de texte."),
    (r"(.+) would leave its folder\.", r"\1 sortirait de son dossier."),
    (r"A text file holds no readable text\.", "Le fichier ne contient pas de texte lisible."),
    (r"A text file holds binary data\.", "Le fichier contient des données binaires."),
    (r"Divide it, or save its text\.", "Divisez-le, ou enregistrez son texte."),
    (r"Divide it\.", "Divisez-le."),
    (
        r"Replace it, or give this one another name\.",
        "Remplacez-le, ou changez le nom de celui-ci.",
    ),
    (r"Remove some first\.", "Retirez-en d’abord."),
    (r"Give it the name of its kind\.", "Donnez-lui l’extension de son genre."),
    (r"Give it another name\.", "Donnez-lui un autre nom."),
    (r"Free space, or give it another name\.", "Libérez de la place, ou changez son nom."),
    (r"Save its text (?:instead|as a new file)\.", "Enregistrez son texte dans un autre fichier."),
    (r"Save it as UTF-8\.", "Enregistrez-le en UTF-8."),
    (r"Check what kind of file it is\.", "Vérifiez de quel genre de fichier il s’agit."),
    (r"Open and save it again, or remove it\.", "Ouvrez-le et enregistrez-le de nouveau."),
    (
        r"Scanned pages need text recognition first\.",
        "Des pages numérisées demandent d’abord une reconnaissance de texte.",
    ),
)


def reason_in(language: Language, reason: str) -> str:
    """A refusal, message and remedy in one line, in the interface's language."""
    if language == "en":
        return reason
    return " ".join(_in_french(part) for part in re.split(r"(?<=\.) (?=[A-Z])", reason))


def _in_french(sentence: str) -> str:
    for english, french in _FRENCH:
        if match := re.fullmatch(english, sentence, re.DOTALL):
            said = match.expand(french)
            return _KIND.sub(lambda kind: _KINDS[kind[0]], said) if english is _IS_NOT else said
    return sentence
