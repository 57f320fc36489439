/* What a reader asks for is cut into words of the index, the longest first: in Chinese no spaces
   do it, and the browser lacks the dictionary by which the pages were cut. For a word that the book
   does not use SAID tells the one it uses. */
const SAID = {};

const isKnown = (word) =>
  Object.hasOwn(Search._index.terms, word) || Object.hasOwn(Search._index.titleterms, word);

let asked = []; // the Chinese words of the last question

const findWord = (word) => (isKnown(word) ? word : SAID[word]);

function cutChinese(run) {
  const words = [];
  for (let start = 0; start < run.length; ) {
    let end = run.length;
    while (end > start + 1 && !findWord(run.slice(start, end))) end--;
    const word = findWord(run.slice(start, end));
    if (word) words.push(word);
    start = end;
  }
  return words.length ? words : [run]; // which finds nothing
}

function splitQuery(query) {
  const isChinese = (run) => /\p{Script=Han}/u.test(run);
  const runs = query.match(/\p{Script=Han}+|[^\p{Script=Han}]+/gu) ?? [];
  asked = runs.filter(isChinese).flatMap(cutChinese);
  return runs.flatMap((run) =>
    isChinese(run)
      ? cutChinese(run)
      : run.split(/[^\p{Letter}\p{Number}_]+/u).filter((word) => word),
  );
}

/* Sphinx lets pages pass that lack a word of two characters: they come last. Of pages that fit
   equally well the chapters come first, in their order. */
Scorer.score = ([page, , , , score]) => {
  const { docnames, terms, titleterms } = Search._index;
  const number = docnames.indexOf(page);
  const holds = (word) => [terms[word], titleterms[word]].flat().includes(number);
  const chapter = /^chapters\/(\d+)/.exec(page);
  const lacking = asked.filter((word) => !holds(word)).length;
  return score - 20 * lacking + (chapter ? 0.99 - chapter[1] / 100 : 0);
};
