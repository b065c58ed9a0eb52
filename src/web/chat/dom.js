// Small helpers for the page. Text gets in as text only: nothing here, or anywhere, reads markup.

export const $ = (id) => document.getElementById(id);

/** Makes an element with a class and a text, both optional. */
export function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) {
        element.className = className;
    }
    if (text !== undefined) {
        element.textContent = text;
    }
    return element;
}

/** A person's name as an element, isolated so that its writing direction does not affect the text around it. */
export function nameOf(person, className) {
    return make("bdi", className, person.name);
}

/** The same inside a plain text: between the characters that isolate it. */
export function isolated(name) {
    return `\u2068${name}\u2069`;
}

/** Whether a person's nick says more than the name does: `bob` says nothing beside `Bob`. */
export function hasOtherNick({ nick, name }) {
    return alike(nick) !== alike(name);
}

/** A name as one reads it; those of two people may be the same. */
export function alike(name) {
    return name.normalize("NFKC").trim().toLocaleLowerCase();
}

/** A number of messages, as far as its digits are of use. */
export function count(messages) {
    return messages > 99 ? "99+" : String(messages);
}

/** Makes `parent` hold exactly these children, and moves only those that stand elsewhere. */
export function arrange(parent, children) {
    children.forEach((child, index) => {
        if (parent.children[index] !== child) {
            parent.insertBefore(child, parent.children[index] ?? null);
        }
    });
    while (parent.children.length > children.length) {
        parent.lastElementChild.remove();
    }
}

/** A disc with the first letter of a name; its colour depends on the nick, so it stays the same. */
export function avatar(person) {
    const looks = person.isRoom ? "avatar square" : "avatar";
    const disc = make("span", `${looks} hue-${hue(person.nick)}`, person.isRoom ? "#" : initial(person.name));
    disc.setAttribute("aria-hidden", "true");
    return disc;
}

function hue(nick) {
    let hash = 0;
    for (const character of nick) {
        hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193) + 0x9e37;
    }
    return (hash >>> 11) % 8;
}

/** The first character that can be seen by itself: no mark, no space, nothing that turns the text, no guest's `~`. */
function initial(name) {
    return (name.match(/[^\p{C}\p{Z}\p{M}~]/u)?.[0] ?? "?").toLocaleUpperCase();
}

/** Shows the error of a field; "" clears it. */
export function fault(field, text) {
    $(`${field}-error`).textContent = text;
    $(field).setAttribute("aria-invalid", String(text !== ""));
    if (text !== "") {
        $(field).focus();
        $(field).select();
    }
}

/** Makes the buttons of a list that match `rows` one stop for Tab; arrow keys, Home and End move between them. */
export function rove(list, rows) {
    list.addEventListener("focusin", ({ target }) => {
        if (target.matches(rows)) {
            for (const row of list.querySelectorAll(rows)) {
                row.tabIndex = row === target ? 0 : -1;
            }
        }
    });
    list.addEventListener("keydown", (event) => {
        const all = [...list.querySelectorAll(rows)];
        const at = all.indexOf(document.activeElement);
        const to = {
            ArrowDown: Math.min(at + 1, all.length - 1),
            ArrowUp: Math.max(at - 1, 0),
            Home: 0,
            End: all.length - 1,
        }[event.key];
        if (to !== undefined && at >= 0 && !event.altKey && !event.ctrlKey && !event.metaKey) {
            event.preventDefault();
            all[to].focus();
        }
    });
}

/** Keeps one row of a list that `rove` serves within reach of Tab. */
export function keepStop(list, rows) {
    const all = [...list.querySelectorAll(rows)];
    if (all.length > 0 && !all.some((row) => row.tabIndex === 0)) {
        all[0].tabIndex = 0;
    }
}

/** Tells a screen reader, politely, what happened elsewhere on the page. */
export function announce(text) {
    const line = make("p", "", text);
    const announcer = $("announcer");
    announcer.append(line);
    while (announcer.children.length > 5) {
        announcer.firstElementChild.remove();
    }
    setTimeout(() => line.remove(), 15_000);
}

/** Calls `draw` once before the next frame, however often it was asked for. */
export function onceAFrame(draw) {
    let asked = false;
    return () => {
        if (!asked) {
            asked = true;
            // A hidden page gets no frames, and still has to count in its title.
            const later = document.hidden ? (go) => setTimeout(go, 0) : requestAnimationFrame;
            later(() => {
                asked = false;
                draw();
            });
        }
    };
}
