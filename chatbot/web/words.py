"""The words of the interface in English and French, and how days are written. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from chatbot.records import Language

LANGUAGES: tuple[Language, ...] = ("en", "fr")

_MONTHS: Mapping[Language, tuple[str, ...]] = {
    "en": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ),
    "fr": (
        "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
        "octobre", "novembre", "décembre",
    ),
}  # fmt: skip

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Ask the Llama documents",
        "lead": "Every answer is quoted from the documents or checked against them, and says as of "
        "when it holds. Nothing leaves this machine.",
        "examples": "For example",
        "question": "Your question",
        "placeholder": "Ask a question",
        "send": "Ask",
        "stop": "Stop",
        "new": "New conversation",
        "documents": "Documents",
        "conversations": "Conversations",
        "theme": "Light or dark",
        "close": "Close",
        "skip": "Skip to the question",
        "you_asked": "You asked:",
        "looking": "Looking in the documents…",
        "waiting": "{ahead} before you: one question is answered at a time.",
        "stopped": "Stopped.",
        "searched": "Searched for:",
        "evidence": "What the documents say",
        "drafting": "Being written; what is dim is not checked yet",
        "checking": "The model reads the evidence…",
        "as_of": "as of {day}",
        "published": "published {day}",
        "sources": "Sources",
        "source": "Source {number}: {title}",
        "nearest": "The nearest passages, which do not answer it",
        "nearest_one": "Nearest passage: {title}",
        "others": "Other values",
        "others_lead": "The same quantity on other days or in other documents.",
        "timeline": "Values over time",
        "how": "How this was checked",
        "how_answered": "The model {model} wrote the first {count}; every figure, date and name in "
        "it was found in the cited text.",
        "how_quoted": "The sentences are quoted word for word from the documents.",
        "how_abstained": "The probability that the documents answer the question is {percent} %, "
        "too low to answer. The model was not asked.",
        "how_probability": "Probability that the documents answer the question: {percent} %.",
        "how_dropped": "Dropped from the draft",
        "how_seconds": "Evidence after {retrieve} s, complete after {total} s.",
        "not_cited": "not in the cited text: {detail}",
        "sentence_one": "sentence",
        "sentence_many": "{number} sentences",
        "copy": "Copy",
        "copied": "Copied",
        "edit": "Edit",
        "again": "Ask again",
        "good": "Good answer",
        "bad": "Bad answer",
        "why": "What is wrong with it?",
        "save": "Save",
        "thanks": "Noted, on this machine only.",
        "previous": "Previous citation",
        "next": "Next citation",
        "link": "Copy link",
        "changed": "The document has changed since; this is what it said.",
        "all_documents": "All documents",
        "find": "Find in titles and texts",
        "found_documents": "{count} documents",
        "no_documents": "No document holds these words.",
        "back": "Back to the questions",
        "rename": "Rename",
        "delete": "Delete",
        "export": "Export",
        "find_conversation": "Find a conversation",
        "no_conversations": "No conversation yet.",
        "export_cases": "Export the rated answers as evaluation cases",
        "rename_to": "New name of the conversation",
        "delete_sure": "Delete this conversation for good?",
        "model": "Model",
        "model_none": "No chat model is loaded: the answers are quotes, word for word.",
        "model_use": "Answers are written by",
        "model_quote": "Quotes only, no model",
        "quotes_only": "Answers are quotes, word for word",
        "model_pull": "To let a model write, run: chatbot models pull. Then choose it under "
        "Conversations.",
        "model_silent": "{name} does not write: nothing shows that its words do as well as the "
        "quotes (chatbot models qualify measures it).",
        "model_anyway": "Let it write all the same; each sentence is checked",
        "model_licence": "licence: {licence}",
        "model_loading": "Loading…",
        "built_with_llama": "Built with Llama",
        "failed": "This did not work.",
        "too_long": "The question is longer than {most} characters.",
        "full": "Too many questions are waiting. Try again in a minute.",
        "gone": "There is no such page here.",
        "own_documents": "Your own documents",
        "shipped_documents": "Documents of the folder",
        "own_lead": "Ask your own documents too: PDF, Word, HTML, Markdown or text, up to {most} "
        "MB each. They stay on this machine.",
        "own_elsewhere": "This page is served to other machines, so documents are added only on "
        "its own: chatbot documents add FILE…",
        "own_add": "Add files",
        "own_folder": "Add a folder",
        "own_drop": "or drop them here",
        "own_start": "Add your own documents",
        "ask_all": "Ask all of these",
        "ask_one": "Ask this document: {title}",
        "remove": "Remove",
        "remove_one": "Remove this document: {title}",
        "remove_sure": "Remove {name} from this machine?",
        "replace": "Replace it",
        "sending": "Sending",
        "reading": "Reading",
        "indexing": "Taking in",
        "ready": "Can be asked",
        "not_added": "Not added",
        "too_large": "Larger than {most} MB.",
        "asking": "Asking {asked} of {total} documents",
        "none_asked": "No document is chosen. Choose some under Documents.",
    },
    "fr": {
        "title": "Interroger les documents sur Llama",
        "lead": "Chaque réponse est citée des documents ou vérifiée contre eux, avec la date à "
        "laquelle elle vaut. Rien ne quitte cette machine.",
        "examples": "Par exemple",
        "question": "Votre question",
        "placeholder": "Posez une question",
        "send": "Demander",
        "stop": "Arrêter",
        "new": "Nouvelle conversation",
        "documents": "Documents",
        "conversations": "Conversations",
        "theme": "Clair ou sombre",
        "close": "Fermer",
        "skip": "Aller à la question",
        "you_asked": "Vous avez demandé :",
        "looking": "Recherche dans les documents…",
        "waiting": "{ahead} avant vous : une seule question est traitée à la fois.",
        "stopped": "Arrêté.",
        "searched": "Recherche effectuée :",
        "evidence": "Ce que disent les documents",
        "drafting": "En cours d’écriture ; ce qui est pâle n’est pas encore vérifié",
        "checking": "Le modèle lit les passages…",
        "as_of": "au {day}",
        "published": "publié le {day}",
        "sources": "Sources",
        "source": "Source {number} : {title}",
        "nearest": "Les passages les plus proches, qui ne répondent pas",
        "nearest_one": "Passage proche : {title}",
        "others": "Autres valeurs",
        "others_lead": "La même grandeur à d’autres dates ou dans d’autres documents.",
        "timeline": "Valeurs au fil du temps",
        "how": "Comment cela a été vérifié",
        "how_answered": "Le modèle {model} a écrit le début ({count}) ; chaque chiffre, date et "
        "nom s’y retrouve dans le texte cité.",
        "how_quoted": "Les phrases sont citées mot pour mot des documents.",
        "how_abstained": "La probabilité que les documents répondent est de {percent} %, trop "
        "faible pour répondre. Le modèle n’a pas été consulté.",
        "how_probability": "Probabilité que les documents répondent : {percent} %.",
        "how_dropped": "Écarté du brouillon",
        "how_seconds": "Passages après {retrieve} s, réponse complète après {total} s.",
        "not_cited": "absent du texte cité : {detail}",
        "sentence_one": "une phrase",
        "sentence_many": "{number} phrases",
        "copy": "Copier",
        "copied": "Copié",
        "edit": "Modifier",
        "again": "Redemander",
        "good": "Bonne réponse",
        "bad": "Mauvaise réponse",
        "why": "Qu’est-ce qui ne va pas ?",
        "save": "Enregistrer",
        "thanks": "Noté, sur cette machine seulement.",
        "previous": "Citation précédente",
        "next": "Citation suivante",
        "link": "Copier le lien",
        "changed": "Le document a changé depuis ; voici ce qu’il disait.",
        "all_documents": "Tous les documents",
        "find": "Chercher dans les titres et les textes",
        "found_documents": "{count} documents",
        "no_documents": "Aucun document ne contient ces mots.",
        "back": "Retour aux questions",
        "rename": "Renommer",
        "delete": "Supprimer",
        "export": "Exporter",
        "find_conversation": "Chercher une conversation",
        "no_conversations": "Aucune conversation pour l’instant.",
        "export_cases": "Exporter les réponses notées comme cas d’évaluation",
        "rename_to": "Nouveau nom de la conversation",
        "delete_sure": "Supprimer définitivement cette conversation ?",
        "model": "Modèle",
        "model_none": "Aucun modèle n’est chargé : les réponses sont des citations mot pour mot.",
        "model_use": "Les réponses sont rédigées par",
        "model_quote": "Citations seules, sans modèle",
        "quotes_only": "Les réponses sont des citations mot pour mot",
        "model_pull": "Pour qu’un modèle rédige, lancez : chatbot models pull. Puis choisissez-le "
        "sous Conversations.",
        "model_silent": "{name} ne rédige pas : rien ne montre que ses mots valent les citations "
        "(chatbot models qualify le mesure).",
        "model_anyway": "Le laisser rédiger quand même ; chaque phrase est vérifiée",
        "model_licence": "licence : {licence}",
        "model_loading": "Chargement…",
        "built_with_llama": "Built with Llama",
        "failed": "Cela n’a pas marché.",
        "too_long": "La question dépasse {most} caractères.",
        "full": "Trop de questions attendent. Réessayez dans une minute.",
        "gone": "Il n’y a pas de page à cette adresse.",
        "own_documents": "Vos documents",
        "shipped_documents": "Documents du dossier",
        "own_lead": "Interrogez aussi vos propres documents : PDF, Word, HTML, Markdown ou texte, "
        "{most} Mo au plus par fichier. Ils restent sur cette machine.",
        "own_elsewhere": "Cette page est ouverte à d’autres machines : on n’ajoute de documents "
        "que sur la sienne, par chatbot documents add FICHIER…",
        "own_add": "Ajouter des fichiers",
        "own_folder": "Ajouter un dossier",
        "own_drop": "ou déposez-les ici",
        "own_start": "Ajouter vos documents",
        "ask_all": "Les interroger tous",
        "ask_one": "Interroger ce document : {title}",
        "remove": "Retirer",
        "remove_one": "Retirer ce document : {title}",
        "remove_sure": "Retirer {name} de cette machine ?",
        "replace": "Remplacer",
        "sending": "Envoi",
        "reading": "Lecture",
        "indexing": "Indexation",
        "ready": "Peut être interrogé",
        "not_added": "Refusé",
        "too_large": "Plus de {most} Mo.",
        "asking": "{asked} documents interrogés sur {total}",
        "none_asked": "Aucun document n’est choisi. Choisissez-en sous Documents.",
    },
}


def say(language: Language, key: str, **values: object) -> str:
    """A text of the interface; plain text, not yet escaped."""
    return WORDS[language][key].format(**values)


def day_words(day: date, language: Language) -> str:
    """A day as it is written in running text: 29 April 2025, 1er avril 2025."""
    number = "1er" if language == "fr" and day.day == 1 else str(day.day)
    return f"{number} {_MONTHS[language][day.month - 1]} {day.year}"


def preferred(accept_language: str | None) -> Language:
    """The first of the browser's languages that the interface speaks, by its weights."""
    weighted = []
    for place, part in enumerate((accept_language or "").split(",")):
        name, _, weight = part.strip().partition(";q=")
        try:
            weighted.append((-float(weight or 1), place, name.strip().lower()[:2]))
        except ValueError:
            continue
    for _, _, name in sorted(weighted):
        if name == "fr":
            return "fr"
        if name == "en":
            return "en"
    return "en"
