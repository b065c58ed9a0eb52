// The page: it brings events of the session to memory and to the screen, and the user's actions to the session.

import { alertTo, beginAlerts } from "./alerts.js";
import { Conversations, keep, kept } from "./conversations.js";
import { $, announce, count, isolated, make, nameOf, onceAFrame } from "./dom.js";
import { drawWays, fault, focusForm, notice, offer, showPart } from "./login.js";
import { People } from "./people.js";
import { understood } from "./protocol.js";
import { Session } from "./session.js";
import { Talk } from "./talk.js";
import { framed, fromAddress, renew, siteHost } from "./ticket.js";
import { brandName, brandTitle, say, sayNodes, showBrand, translate } from "./words.js";

const NAME = "flashgate.name";
/** Milliseconds after a restart of the server by which the pages of all who stay have reconnected. */
const ALL_BACK_AFTER = 60_000;

/** Ends of a login that its user asked for. */
const OWN = ["left", "stopped", "paused"];

const narrow = matchMedia("(max-width: 719px)");
const conversations = new Conversations();
const session = new Session(serverAddress(), (event) => handlers[event.kind](event));
const people = new People(conversations, openTalk);
const talk = new Talk(conversations, {
    send: sendMessage,
    discard: (person, item) => {
        conversations.discard(person, item);
        draw();
    },
    back: closeTalk,
    changed: () => draw(),
});
const draw = onceAFrame(drawEverything);
const save = eventuallyDo(() => conversations.store(), 1000);
let wait = null;
let settling = 0;
/** The last reason to wait that was said aloud; once is enough. */
let trouble = null;
let arriving = false;
let quiet = true;
/** A ticket from the address that waits for a yes. */
let offered = null;

/** The page's own host and folder, by the scheme that goes with its own. */
function serverAddress() {
    const address = new URL("./", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    return address.href;
}

// Events of the session.

const handlers = {
    connecting: () => {
        wait = null;
        drawWait();
    },
    waiting: ({ why, until }) => {
        if (why !== trouble) {
            announce(reason(why));
        }
        trouble = why;
        wait = { why, until };
        conversations.disconnected();
        talk.setConnected(false);
        drawWait();
        draw();
    },
    online: ({ me }) => {
        wait = trouble = null;
        arriving = $("app").hidden;
        if (conversations.me?.nick !== me.nick) {
            closeForGood();
        }
        conversations.become(me);
        conversations.reconnected();
        clearTimeout(settling);
        settling = setTimeout(() => conversations.missing().forEach(tellPresence), ALL_BACK_AFTER);
        notice("");
        $("login-password").value = "";
        show("app");
        $("me").replaceChildren(...sayNodes("me", { name: nameOf(me) }));
        talk.setConnected(true);
        drawWait();
        announce(say(arriving ? "loggedIn" : "connected"));
    },
    people: ({ people: online }) => {
        const changes = conversations.setOnline(online);
        for (const person of quiet ? [] : changes) {
            tellPresence(person);
        }
        quiet = false;
        drawEverything();
        if (arriving) {
            arriving = false;
            focusPane();
        }
    },
    came: ({ nick, name }) => tellPresence(conversations.came(nick, name)),
    gone: ({ nick }) => tellPresence(conversations.gone(nick)),
    message: (message) => {
        const person = conversations.received(message);
        if (message.id === undefined && message.sender !== conversations.me.nick) {
            arrived(person);
        }
        draw();
    },
    refused: ({ id, text }) => {
        const person = conversations.failed(id, null);
        const why = text === "User is already left." && person
            ? say("notDeliveredLeft", { name: isolated(person.name) })
            : say("notDelivered", { text: text === "Message too long." ? say("tooLongMessage") : text });
        conversations.failed(id, why);
        announce(why);
        draw();
    },
    unconfirmed: ({ id }) => {
        conversations.failed(id, undefined);
        draw();
    },
    out: ({ why, text }) => loggedOut(why, text),
};

/** Shows that a person came or left: on the screen where there is a conversation, and to screen readers always. */
function tellPresence(person) {
    draw();
    if (person && person.nick !== conversations.me.nick && person.nick !== talk.nick) {
        presence.push(person);
        flushPresence();
    }
}

const presence = [];
const flushPresence = eventuallyDo(() => {
    const changed = new Set(presence.splice(0));
    if (changed.size > 3) {
        announce(say("manyChanges", { n: changed.size }));
        return;
    }
    for (const { name, online } of changed) {
        announce(say(online ? "came" : "left", { name: isolated(name) }));
    }
}, 500);

function arrived(person) {
    const isSeen = person.nick === talk.nick && isLookedAt();
    if (!isSeen || !talk.isAtEnd) {
        conversations.markNew(person);
    }
    if (isSeen) {
        talk.draw();
        talk.arrived();
        return;
    }
    person.unread += 1;
    alertTo(person, openTalk);
    if (person.nick !== talk.nick) {
        announce(say("newFrom", { name: isolated(person.name) }));
    }
}

/** Leaves nothing of a conversation on the screen, or in the page behind it. */
function closeForGood() {
    talk.open(null);
    $("app").classList.remove("talking");
}

/** Whether the open conversation can be seen: a phone shows the list or the conversation. */
function isLookedAt() {
    return document.visibilityState === "visible" && (!narrow.matches || $("app").classList.contains("talking"));
}

function loggedOut(why, text) {
    const interrupted = !$("app").hidden && !OWN.includes(why);
    wait = trouble = null;
    if (why === "left") {
        closeForGood();
        conversations.forget();
    } else {
        conversations.store();
    }
    quiet = true;
    talk.setConnected(false);
    drawWait();
    show("login");
    if (why === "wrong" && !interrupted) {
        fault("login-password", say("wrongLogin"));
    } else {
        const before = why === "spent" ? `${reason(text)} ` : "";
        const after = why === "ended" && text ? ` ${say("out_says", { text })}` : "";
        notice(before + say(`out_${why}`, { host: siteHost }) + after);
        if (interrupted) {
            // A user who is typing a message must not continue in a password field.
            $("login-notice").focus();
        } else {
            focusForm();
        }
    }
    draw();
}

// What the user does.

function logIn() {
    const id = $("login-id").value.trim();
    const password = $("login-password").value;
    fault("login-password", "");
    fault("login-id", "");
    if (password === "") {
        fault("login-password", say("noPassword"));
    }
    if (id === "" || /\s/.test(id)) {
        fault("login-id", say(id === "" ? "noId" : "spaces"));
    } else if (password !== "") {
        keep(NAME, id);
        session.logIn(id, password);
        $("login-wait-why").focus();
    }
}

/** Logs in by a ticket, or by the site that gives them. */
function logInByTicket(pass) {
    offered = null;
    fault("login-password", "");
    fault("login-id", "");
    session.logInByTicket(pass, renew);
    $("login-wait-why").focus();
}

/** The address has brought a ticket, perhaps while the page was open already. */
function cameByLink() {
    const pass = fromAddress();
    if (pass === null) {
        return;
    }
    if (session.state !== "out") {
        announce(say("ignoredLink"));
    } else if (pass.ticket === null) {
        notice(say("out_damaged"));
    } else if (framed) {
        logInByTicket(pass);
    } else {
        offered = pass;
        offer(pass);
    }
}

/** Ends the waiting; unlike a logout it forgets nothing. */
function stop() {
    session.logOut(conversations.me ? "paused" : "stopped");
}

function openTalk(nick) {
    const person = conversations.get(nick);
    if (!person) {
        return;
    }
    if (narrow.matches && !$("app").classList.contains("talking")) {
        // So that a phone's back button leads to the list, and not away from the page.
        history.pushState("talk", "");
    }
    $("app").classList.add("talking");
    if (talk.nick !== nick) {
        conversations.leave(talk.nick);
        conversations.open = nick;
        talk.open(person);
    }
    person.unread = 0;
    drawEverything();
    // On a touch screen the box would bring up the keyboard, over what there is to read.
    $(matchMedia("(pointer: coarse)").matches ? "log" : "text").focus();
}

/** Brings the keyboard to what is on the screen: the list, or on a phone the open conversation. */
function focusPane() {
    if (narrow.matches && $("app").classList.contains("talking")) {
        $("log").focus();
    } else {
        people.focus(talk.nick);
    }
}

function closeTalk() {
    if (history.state === "talk") {
        history.back();
    } else {
        backToList();
    }
}

function backToList() {
    $("app").classList.remove("talking");
    drawEverything();
    people.focus(talk.nick);
}

function sendMessage(person, typed) {
    person.newFrom = null;
    const said = understood(typed);
    const item = conversations.sending(person.nick, said);
    if (!session.send(person.nick, said, item.id)) {
        conversations.failed(item.id, say("notSent"));
    }
    drawEverything();
}

// What is on the screen.

function drawEverything() {
    if (!conversations.me) {
        document.title = brandTitle;
        return;
    }
    const current = conversations.get(talk.nick);
    if (current?.unread && isLookedAt()) {
        current.unread = 0;
    }
    if (current && isLookedAt() && talk.isAtEnd) {
        current.newSeen = true;
    }
    people.draw(talk.nick, session.state === "online");
    talk.draw();
    const unread = conversations.unread();
    const where = current ? `${isolated(current.name)} – ${brandName}` : brandTitle;
    document.title = unread > 0 ? `(${count(unread)}) ${where}` : where;
    $("back-badge").hidden = unread === 0;
    $("back-badge").replaceChildren(count(unread), make("span", "unseen", say("unread", { n: unread }).replace(String(unread), "")));
    save();
}

function show(screen) {
    $("login").hidden = screen !== "login";
    $("app").hidden = screen !== "app";
}

function drawWait() {
    const { state } = session;
    const busy = state === "connecting" || state === "waiting";
    const hadFocus = $("banner").contains(document.activeElement);
    showPart(busy ? "login-wait" : offered ? "offer" : "login-form");
    $("banner").hidden = !busy;
    $("app").classList.toggle("offline", busy);
    const why = wait ? reason(wait.why) : say($("app").hidden ? "loggingIn" : "connecting");
    const seconds = wait ? Math.max(0, Math.ceil((wait.until - Date.now()) / 1000)) : 0;
    const when = wait ? say("again", { n: seconds }) : "";
    for (const place of ["login-wait", "banner"]) {
        $(`${place}-why`).textContent = why;
        $(`${place}-when`).textContent = when;
    }
    for (const button of [$("login-now"), $("banner-now")]) {
        // A button that has just been pressed keeps the focus.
        button.hidden = !wait && document.activeElement !== button;
    }
    if (hadFocus && !busy) {
        ($("talk").hidden ? $("people-heading") : $("log")).focus();
    }
}

/** Why the page waits before it tries again. */
function reason(why) {
    return say(`wait_${why}`, { host: siteHost });
}

/** Calls `act` once, some time after it was asked for. */
function eventuallyDo(act, milliseconds) {
    let timer = 0;
    return () => {
        timer ||= setTimeout(() => {
            timer = 0;
            act();
        }, milliseconds);
    };
}

function begin() {
    $("login-form").addEventListener("submit", (event) => {
        event.preventDefault();
        logIn();
    });
    for (const place of ["login", "banner"]) {
        $(`${place}-now`).addEventListener("click", () => session.retryNow());
        $(`${place}-stop`).addEventListener("click", stop);
    }
    $("log-out").addEventListener("click", () => session.logOut("left"));
    $("site-login").addEventListener("click", () => logInByTicket(null));
    $("offer-yes").addEventListener("click", () => logInByTicket(offered));
    $("offer-no").addEventListener("click", () => {
        offered = null;
        showPart("login-form");
        focusForm();
    });
    setInterval(() => wait && drawWait(), 500);
    // A link to a fragment of this page is no way back.
    addEventListener("popstate", () => location.hash === "" && $("app").classList.contains("talking") && backToList());
    addEventListener("online", () => session.wake());
    addEventListener("pagehide", () => conversations.store());
    document.addEventListener("visibilitychange", () => {
        if (document.visibilityState === "visible") {
            session.wake();
            draw();
        } else {
            conversations.store();
        }
    });
    addEventListener("hashchange", cameByLink);
    translate();
    showBrand();
    beginAlerts();
    drawWays();
    show("login");
    $("login-id").value = kept(NAME) ?? "";
    if ($("login-id").value !== "") {
        notice(say("goOn"));
    }
    focusForm();
    cameByLink();
    if (session.state === "out" && framed && renew) {
        logInByTicket(null);
    }
}

begin();
