// Logins that the visitor's own web site vouches for: a ticket in the address of this page, or one that
// the site gives when it is asked.
//
// A ticket is good for one login and a few minutes. It is kept in memory only.

import { settings } from "./settings.js";

/** What begins like a ticket; the server judges the rest. The second part is its member's number. */
const TICKET = /^ticket:\d+\.(\d+)\.[\w.]+$/;
/** What is one argument of a command. */
const WORD = /^[^\s\p{Cc}]+$/u;

let found = take();

/**
 * The login `{ id, ticket }` that the address of this page has brought, once; else `null`. The ticket
 * is `null` where the address holds one that is damaged.
 */
export function fromAddress() {
    found ??= take();
    const pass = found;
    found = null;
    return pass;
}

/** Takes a ticket out of the address at once: neither the history nor a bookmark is to keep it. */
function take() {
    const parts = new URLSearchParams(location.hash.slice(1));
    if (!parts.has("ticket")) {
        return null;
    }
    history.replaceState(history.state, "", location.pathname + location.search);
    const ticket = parts.get("ticket");
    const number = TICKET.exec(ticket)?.[1];
    const id = parts.get("id") || number;
    return number && WORD.test(id) ? { id, ticket } : { id: null, ticket: null };
}

/** Whether another page shows this one. The policy of this page says which pages may. */
export const framed = window.top !== window;

/** The host of the web site that gives tickets, or `null`. */
export const siteHost = settings.ticketUrl && new URL(settings.ticketUrl, location.href).host;

/** The site does not give a ticket to this visitor, and will not a moment later. */
class Denied extends Error {
    denied = true;
}

/** Asks the site for a ticket, as the visitor who is logged in there; `null` where no site is known. */
export const renew = settings.ticketUrl && (async (signal) => {
    const answer = await fetch(settings.ticketUrl, { method: "POST", credentials: "include", cache: "no-store", signal });
    if (answer.status >= 400 && answer.status < 500) {
        throw new Denied(`the site answered ${answer.status}`);
    }
    if (!answer.ok) {
        throw new Error(`the site answered ${answer.status}`);
    }
    const ticket = (await answer.text()).trim();
    const id = TICKET.exec(ticket)?.[1];
    if (!id) {
        throw new Denied("the site's answer is no ticket");
    }
    return { id, ticket };
});
