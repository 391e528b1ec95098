"""The Gradio page and its hardening: renders events and answers, decides nothing."""
