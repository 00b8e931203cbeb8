/* How the search ranks what it found: how-to pages and recipes, then reference, then decisions.
   The Scorer is how Sphinx lets a site decide; its own scores are repeated below. */
const RANKS = [
  [/^(how-to|recipes|project)\//, 1000],
  [/^decisions/, 0],
  [/^/, 500],
];
const NAMES = "reference/public-names";

var Scorer = {
  // A phrase that a page names for the search scores up to 100, a word of its text 5.
  score: ([page, , , , score, , kind]) => {
    if (kind === "title" && page === NAMES && score >= Scorer.title) return 1000 + score;
    return score + RANKS.find(([pages]) => pages.test(page))[1];
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
