// CodeMirror with Prometheus' PromQL mode.
//
// It lives in a shadow root: there its styles are constructed style sheets, which the strict
// Content-Security-Policy of this page allows, unlike the style element it would use otherwise.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap, placeholder, tooltips } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { PromQLExtension } from "@prometheus-io/codemirror-promql";
import { prefix } from "../lib/location";

export interface Handle {
  set: (text: string) => void;
  focus: () => void;
  destroy: () => void;
}

const highlight = HighlightStyle.define([
  { tag: [tags.number, tags.string], color: "var(--code-string)" },
  { tag: [tags.keyword, tags.function(tags.variableName), tags.operatorKeyword, tags.modifier], color: "var(--code-word)" },
  { tag: tags.labelName, color: "var(--code-label)" },
  { tag: [tags.lineComment, tags.comment], color: "var(--dim)", fontStyle: "italic" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

const theme = EditorView.theme({
  "&": { color: "var(--text)", fontSize: "14px" },
  "&.cm-focused": { outline: "none" },
  ".cm-content": { fontFamily: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace", caretColor: "var(--text)", padding: "5px 0" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-placeholder": { color: "var(--dim)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--mark)", outline: "none" },
  ".cm-tooltip": { backgroundColor: "var(--page)", border: "1px solid var(--edge)", color: "var(--text)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace", fontSize: "13px", maxHeight: "320px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--link)", color: "var(--page)" },
  ".cm-completionDetail": { marginLeft: "1em", fontStyle: "normal", opacity: "0.8" },
  ".cm-completionInfo": { maxWidth: "300px" },
});

export function mount(box: HTMLElement, text: string, change: (text: string) => void, submit: (text: string) => void): Handle {
  const root = box.shadowRoot ?? box.attachShadow({ mode: "open" });
  const promql = new PromQLExtension().setComplete({ remote: { url: prefix().slice(0, -1), httpMethod: "GET" } });
  const run = (view: EditorView) => {
    submit(view.state.doc.toString());
    return true;
  };
  const leave = (view: EditorView) => {
    view.contentDOM.blur();
    return true;
  };
  const state = EditorState.create({
    doc: text,
    extensions: [
      history(),
      bracketMatching(),
      closeBrackets(),
      autocompletion({ maxRenderedOptions: 200 }),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": "Expression" }),
      placeholder("Expression (/)"),
      tooltips({ position: "fixed" }),
      syntaxHighlighting(highlight),
      theme,
      promql.asExtension(),
      Prec.low(keymap.of([{ key: "Escape", run: leave }])),
      keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...lintKeymap]),
      Prec.high(keymap.of([{ key: "Shift-Enter", run: (view) => (view.dispatch(view.state.replaceSelection("\n")), true) }])),
      keymap.of([{ key: "Enter", run }]),
      keymap.of(defaultKeymap),
      EditorView.updateListener.of((update) => update.docChanged && change(update.state.doc.toString())),
    ],
  });
  const view = new EditorView({ state, parent: root, root });
  return {
    set: (next) => {
      const old = view.state.doc.toString();
      if (next !== old) view.dispatch({ changes: { from: 0, to: old.length, insert: next } });
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}
