// Colours of series: told apart also by eyes that do not see red or green (after Okabe and Ito).

const LIGHT = ["#0068a8", "#c24a00", "#00795a", "#a8478f", "#8a6d00", "#2f8fc4", "#5b4bb0", "#7a3b12", "#4f5b66", "#b3123f"];
const DARK = ["#56b4e9", "#f08a3c", "#2bc29a", "#d98cc0", "#e6d04a", "#8fb8ff", "#a99cf0", "#c99a72", "#aab4be", "#ff7f9b"];

export const colors = (dark: boolean): string[] => (dark ? DARK : LIGHT);

/** A colour of the style sheet, for the canvas. */
export const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
