// The rules of the standard alone; how HTML is laid out is no matter of these pages.
export default { extends: ["html-validate:standard"] };
