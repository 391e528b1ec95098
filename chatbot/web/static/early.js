// Runs before anything is drawn: the language and the theme of the page.
(() => {
  const root = document.documentElement;
  const french = (navigator.languages || [navigator.language]).find((name) => /^(fr|en)/i.test(name));
  root.lang = french && /^fr/i.test(french) ? "fr" : "en";
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "dark" || theme === "light") root.dataset.theme = theme;
  } catch {
    // No storage in this browser: the system's theme it is.
  }
})();
