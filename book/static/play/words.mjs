/** Words that several elements use, by language. Each element keeps its own beside its code. */
export const WORDS = {
  en: {
    reset: "Reset",
    stepSize: "step size × L",
    momentum: "momentum",
    conditionNumber: "condition number",
    step: "step",
    rate: "rate",
    "gd": "gradient descent",
    "heavy-ball": "heavy ball",
    "nag": "Nesterov",
    point: "movable point",
    keys: "Arrow keys move it.",
  },
  zh: {
    reset: "重置",
    stepSize: "步长 × L",
    momentum: "动量",
    conditionNumber: "条件数",
    step: "步数",
    rate: "收敛率",
    "gd": "梯度下降",
    "heavy-ball": "重球法",
    "nag": "Nesterov 方法",
    point: "可移动的点",
    keys: "可用方向键移动。",
  },
};

/** The words of the page's language: English unless the page is Chinese. */
export function pickWords(words, language = globalThis.document?.documentElement.lang ?? "en") {
  return language.toLowerCase().startsWith("zh") ? words.zh : words.en;
}

/** Put values into a sentence: fillIn("{n} steps", { n: 3 }) is "3 steps". */
export function fillIn(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** A number for the eye: fixed digits, a true minus sign, "∞" where it is not finite. */
export function show(value, digits = 2) {
  if (!Number.isFinite(value)) return "∞";
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}

/** A number of any size: 0.0012, 35, 2.3·10⁻⁹. */
export function showAnySize(value, digits = 2) {
  if (!Number.isFinite(value)) return "∞";
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e").map(Number);
  if (exponent >= -3 && exponent < 4) return show(value, Math.max(0, digits - 1 - exponent));
  const raised = String(exponent).replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"["0123456789-".indexOf(c)]);
  return `${show(mantissa, digits - 1)}·10${raised}`;
}
