// The words of the page in the visitor's language: the operator's choice, or else the browser's.

import { settings } from "./settings.js";
import { words as english } from "./words/en.js";

/** The languages that come with the page. An operator may name another one, whose file is in the site. */
const LANGUAGES = ["en", "de", "hu", "es"];

const wanted = settings.brand.language ?? preferred();
const { words, language } = await load(wanted);
document.documentElement.lang = language;
const plural = new Intl.PluralRules(language);

function preferred() {
    const languages = navigator.languages.map((tag) => tag.split("-")[0].toLowerCase());
    return languages.find((tag) => LANGUAGES.includes(tag)) ?? "en";
}

async function load(language) {
    try {
        const other = language === "en" ? {} : (await import(`./words/${language}.js`)).words;
        return { words: { ...english, ...other }, language };
    } catch {
        return { words: english, language: "en" };
    }
}

/** A text with its places filled in; of one and many, `values.n` chooses. */
export function say(key, values = {}) {
    return parts(key, values).join("");
}

/** The same where elements are filled in: text and elements, in order. */
export function sayNodes(key, values) {
    return parts(key, values).filter((part) => part !== "");
}

function parts(key, values) {
    const forms = words[key].split("|");
    const text = plural.select(values.n ?? 0) === "one" ? forms[0] : forms.at(-1);
    return text.split(/\{(\w+)\}/).map((part, index) => (index % 2 === 0 ? part : values[part] ?? ""));
}

/**
 * Puts the words into the page: `data-say` is an element's text, in which its children that have a
 * `data-place` take their places; `data-label` and `data-hint` are its label and its placeholder.
 */
export function translate() {
    for (const element of document.querySelectorAll("[data-say]")) {
        const places = [...element.querySelectorAll("[data-place]")];
        const values = Object.fromEntries(places.map((child) => [child.dataset.place, child]));
        element.replaceChildren(...sayNodes(element.dataset.say, values));
    }
    for (const element of document.querySelectorAll("[data-label]")) {
        element.setAttribute("aria-label", say(element.dataset.label));
    }
    for (const element of document.querySelectorAll("[data-hint]")) {
        element.placeholder = say(element.dataset.hint);
    }
}

// What an operator calls the chat.

const { name } = settings.brand;

/** The name on the page. */
export const brandName = name ?? "flashgate";

/** The title of the page where no conversation is open. */
export const brandTitle = name ?? say("title");

/** Puts the operator's name and logo into the page. */
export function showBrand() {
    for (const place of document.querySelectorAll(".brand-name")) {
        place.textContent = brandName;
    }
    document.querySelector(".brand-title").textContent = brandTitle;
    document.title = brandTitle;
    if (settings.brand.logo) {
        for (const image of document.querySelectorAll("img.mark")) {
            image.src = settings.brand.logo;
        }
        document.querySelector("link[rel=icon]").href = settings.brand.logo;
        document.querySelector("link[rel=icon]").removeAttribute("type");
    }
}
