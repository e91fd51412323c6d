/**
 * `any` and `!` switch the compiler off, so each needs a comment that says why it is right: on its line, or on one of
 * the two lines above.
 */
const LINES_ABOVE = 2;

/** @type {import("eslint").Rule.RuleModule} */
export const reasons = {
  meta: {
    type: "suggestion",
    schema: [],
    messages: { missing: "{{what}} needs a comment with the reason, on this line or just above it" },
  },
  create(context) {
    const commented = new Set(context.sourceCode.getAllComments().flatMap(({ loc }) => range(loc.start.line, loc.end.line)));
    const check = (what) => (node) => {
      const line = node.loc.end.line;
      if (range(line - LINES_ABOVE, line).some((l) => commented.has(l))) return;
      context.report({ node, messageId: "missing", data: { what } });
    };
    return { TSAnyKeyword: check("any"), TSNonNullExpression: check('"!"') };
  },
};

function range(from, to) {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
