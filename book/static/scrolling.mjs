// A formula wider than its row scrolls, by the keyboard too: it is a stop of the tabulator then, and
// only then. The theme does the same for code.
const formulas = document.querySelectorAll("div.math .katex-display");

function mark(element) {
  if (element.scrollWidth > element.clientWidth) {
    element.tabIndex = 0;
  } else {
    element.removeAttribute("tabindex");
  }
}

const observer = new ResizeObserver((entries) => entries.forEach(({ target }) => mark(target)));
formulas.forEach((formula) => observer.observe(formula));
