// Elements made by hand: text always goes in as text, so nothing a title or an error says can become markup.

const svgNamespace = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties, ...children) {
  return fill(document.createElementNS(svgNamespace, tag), properties, children);
}

/** Sets text only where it differs: a selection in unchanged text survives, and screen readers hear real changes. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value === undefined || value === null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** A bar of a share 0…1; undefined draws one of unknown length. */
export class ShareBar extends HTMLElement {
  connectedCallback() {
    if (this.firstChild) return;
    this.setAttribute("role", "progressbar");
    this.setAttribute("aria-valuemin", "0");
    this.setAttribute("aria-valuemax", "100");
    this.append(h("span"));
  }

  show(share, label) {
    if (!this.firstChild) this.connectedCallback();
    setAttribute(this, "aria-label", label);
    if (share === undefined || share === null) {
      this.removeAttribute("aria-valuenow");
      this.style.setProperty("--share", "1");
      this.setAttribute("indeterminate", "");
      return;
    }
    this.removeAttribute("indeterminate");
    setAttribute(this, "aria-valuenow", Math.round(share * 100));
    this.style.setProperty("--share", String(Math.min(1, Math.max(0, share))));
  }
}
customElements.define("share-bar", ShareBar);

/** A button that copies a text and says so. */
export function copyButton(what, text) {
  const button = h("button", { type: "button", class: "quiet copy", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return button;
}

/** What to show where data could not be had: what, why, what now. */
export function failureNotice(what, problem, retry) {
  return h("section", { class: "notice failure", role: "alert" },
    h("h2", {}, what),
    h("p", {}, problem.detail ?? String(problem)),
    problem.request_id ? h("p", { class: "faint" }, "Request ", h("code", {}, problem.request_id)) : null,
    retry ? h("button", { type: "button", onclick: retry }, "Try again") : null);
}

/** Tells in a place of a page that its data could not be had; once while that is so: a notice that is made anew is read out again, and its button loses the focus. */
export function tellFailure(place, what, problem, retry) {
  const notice = failureNotice(what, problem, retry);
  notice.dataset.reason = problem.detail ?? String(problem);
  const told = place.querySelector(":scope > .failure");
  if (told?.dataset.reason !== notice.dataset.reason) place.replaceChildren(notice);
}
