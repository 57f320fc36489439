/* What the search shows of a page has each formula once, as it is read: not as it is drawn and as it
   was written besides. */
const readPage = Search.htmlToText;
Search.htmlToText = (page, anchor) => {
  const parsed = new DOMParser().parseFromString(page, "text/html");
  parsed.querySelectorAll(".katex-html, .katex annotation").forEach((part) => part.remove());
  return readPage(parsed.documentElement.outerHTML, anchor);
};
