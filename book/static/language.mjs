// The switch of language leads to the section being read, which has the same id in both editions.
const link = document.querySelector("a.language-switch");

function keepPlace() {
  const current = [...document.querySelectorAll(".page-toc a.active, .bd-sidebar-secondary a.active")].pop();
  link.hash = (current && current.hash) || window.location.hash;
}

if (link) {
  for (const event of ["pointerdown", "focus", "click"]) link.addEventListener(event, keepPlace);
}
