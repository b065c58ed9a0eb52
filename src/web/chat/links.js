// Links in what people write. A text becomes text nodes and links, never markup.

/** Where a link may begin, and all that may belong to it. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"\u2066-\u2069\u200e\u200f\u202a-\u202e]+/giu;

/** What ends a sentence, and no address. */
const TAIL = /[.,:;!?'*_~\u2026\u201c\u201d\u2018\u2019\u00bb]+$/u;

const PAIRS = { ")": "(", "]": "[", "}": "{" };

/** A text as nodes: its `http` and `https` addresses are links that open beside the chat. */
export function linked(text) {
    const nodes = [];
    let done = 0;
    for (const { 0: found, index } of text.matchAll(ADDRESS)) {
        const shown = trimmed(found);
        const address = parsed(shown);
        if (address === null) {
            continue;
        }
        const link = document.createElement("a");
        link.href = address.href;
        // The other page gets no window handle and no referrer; search engines do not count the link.
        link.rel = "noopener noreferrer nofollow";
        link.target = "_blank";
        link.textContent = shown;
        nodes.push(text.slice(done, index), link);
        done = index + shown.length;
    }
    nodes.push(text.slice(done));
    return nodes.filter((node) => node !== "");
}

/** Without the end of the sentence that it stands in, and without a bracket that was opened before it. */
function trimmed(found) {
    let shown = found;
    for (;;) {
        const before = shown;
        shown = shown.replace(TAIL, "");
        const opening = PAIRS[shown.at(-1)];
        if (opening && shown.split(opening).length < shown.split(shown.at(-1)).length) {
            shown = shown.slice(0, -1);
        }
        if (shown === before) {
            return shown;
        }
    }
}

function parsed(text) {
    try {
        const address = new URL(text);
        // A name in front of a host only misleads about where the link leads.
        const misleads = address.username !== "" || address.password !== "";
        return misleads || !["http:", "https:"].includes(address.protocol) ? null : address;
    } catch {
        return null;
    }
}
