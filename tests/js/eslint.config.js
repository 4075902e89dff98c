/** Rules for static/ (browser) and tests/js (node). Formatting is prettier's, types are TypeScript's. */
import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    languageOptions: { globals: globals.browser },
    rules: {
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrors: "none" }],
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "text becomes text nodes" },
        { property: "outerHTML", message: "text becomes text nodes" },
        { property: "insertAdjacentHTML", message: "text becomes text nodes" },
      ],
    },
  },
  {
    files: ["**/static/widget/**", "**/static/lib/**"],
    rules: {
      "no-restricted-syntax": [
        "error",
        { selector: "TemplateLiteral TemplateLiteral", message: "what makes the widget small does not understand it" },
      ],
    },
  },
  { files: ["**/tests/js/**"], languageOptions: { globals: globals.node } },
];
