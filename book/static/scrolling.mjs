// A formula wider than its row scrolls, and a wide figure on a phone, by the keyboard too: it is a
// stop of the tabulator then, and only then. The theme does the same for code.
const scrolling = document.querySelectorAll("div.math .katex-display, figure.wide");

function mark(elements) {
  // All are measured before the first is changed; in turn, each would lay out the page anew.
  const wide = elements.map((element) => element.scrollWidth > element.clientWidth);
  elements.forEach((element, i) => {
    if (wide[i]) {
      element.tabIndex = 0;
    } else if (element.hasAttribute("tabindex")) {
      element.removeAttribute("tabindex");
    }
  });
}

const observer = new ResizeObserver((entries) => mark(entries.map((entry) => entry.target)));
scrolling.forEach((element) => observer.observe(element));
