// The page: what the session tells is brought to memory and to the screen, what the user does to the session.

import { Conversations, keep, kept } from "./conversations.js";
import { $, announce, isolated, nameOf, onceAFrame } from "./dom.js";
import { People } from "./people.js";
import { Session } from "./session.js";
import { Talk } from "./talk.js";

const NAME = "flashgate.name";

/** Why the page waits before it tries again: in a login, and with conversations open. */
const REASONS = {
    unreachable: "The chat server cannot be reached.",
    lost: "The connection was lost.",
    restart: "The server is restarting.",
    full: "The server is full.",
    busy: "The server is too busy to log anyone in.",
    taken: "You are online already: in another window, or on a connection that is just ending.",
};

/** What the login form says afterwards. */
const FAREWELLS = {
    left: "You have logged out.",
    stopped: "Stopped trying.",
    paused: "Stopped. Log in again to go on with your conversations.",
    replaced: "You have logged in somewhere else, so this page was logged out.",
    ended: "The server ended this login.",
};

const narrow = matchMedia("(max-width: 719px)");
const conversations = new Conversations();
const session = new Session(serverAddress(), (event) => told[event.kind](event));
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
/** The last reason to wait that was said aloud; once is enough. */
let trouble = null;
let arriving = false;
let quiet = true;

/** The page's own host and folder, by the scheme that goes with its own. */
function serverAddress() {
    const address = new URL("./", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    return address.href;
}

// What the session tells.

const told = {
    connecting: () => {
        wait = null;
        drawWait();
    },
    waiting: ({ why, until }) => {
        if (why !== trouble) {
            announce(REASONS[why]);
        }
        trouble = why;
        wait = { why, until };
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
        $("login-password").value = "";
        show("app");
        $("me").replaceChildren("Logged in as ", nameOf(me));
        talk.setConnected(true);
        drawWait();
        announce(arriving ? "You are logged in." : "Connected again.");
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
            ? `Not delivered: ${isolated(person.name)} has left.` : `Not delivered: ${text}`;
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

/** Says who came and went: on the screen where there is a conversation, and aloud for everyone. */
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
        announce(`${changed.size} people came or left.`);
        return;
    }
    for (const { name, online } of changed) {
        announce(`${isolated(name)} ${online ? "is online" : "left"}.`);
    }
}, 500);

function arrived(person) {
    if (person.nick === talk.nick && isLookedAt()) {
        talk.draw();
        talk.arrived();
        return;
    }
    person.unread += 1;
    if (person.nick !== talk.nick) {
        announce(`New message from ${isolated(person.name)}.`);
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
    if (why === "wrong") {
        fault("login-password", "This number or nick does not go with this password.");
    } else {
        notice(FAREWELLS[why] + (why === "ended" && text ? ` It says: ${text}` : ""));
        $($("login-id").value === "" ? "login-id" : "login-password").focus();
    }
    draw();
}

// What the user does.

function logIn() {
    const id = $("login-id").value.trim();
    const password = $("login-password").value;
    notice("");
    fault("login-password", "");
    fault("login-id", "");
    if (password === "") {
        fault("login-password", "Please type your password.");
    }
    if (id === "" || /\s/.test(id)) {
        fault("login-id", id === "" ? "Please type your member number or nick." : "A nick has no spaces in it.");
    } else if (password !== "") {
        keep(NAME, id);
        session.logIn(id, password);
        $("login-wait-why").focus();
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

function sendMessage(person, text) {
    const item = conversations.sending(person.nick, text);
    if (!session.send(person.nick, text, item.id)) {
        conversations.failed(item.id, "Not sent: there is no connection.");
    }
    drawEverything();
}

// What is on the screen.

function drawEverything() {
    if (!conversations.me) {
        document.title = "flashgate chat";
        return;
    }
    const current = conversations.get(talk.nick);
    if (current?.unread && isLookedAt()) {
        current.unread = 0;
    }
    people.draw(talk.nick, session.state === "online");
    talk.draw();
    const unread = conversations.unread();
    const where = current ? `${isolated(current.name)} – flashgate` : "flashgate chat";
    document.title = unread > 0 ? `(${unread}) ${where}` : where;
    $("back-badge").hidden = unread === 0;
    $("back-badge").textContent = unread;
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
    $("login-form").hidden = busy;
    $("login-wait").hidden = !busy;
    $("banner").hidden = !busy;
    $("app").classList.toggle("offline", busy);
    const why = wait ? REASONS[wait.why] : $("app").hidden ? "Logging in…" : "Connecting…";
    const seconds = wait ? Math.max(0, Math.ceil((wait.until - Date.now()) / 1000)) : 0;
    const when = wait ? `Trying again in ${seconds} ${seconds === 1 ? "second" : "seconds"}.` : "";
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

function fault(field, text) {
    $(`${field}-error`).textContent = text;
    $(field).setAttribute("aria-invalid", String(text !== ""));
    if (text !== "") {
        $(field).focus();
        $(field).select();
    }
}

function notice(text) {
    $("login-notice").textContent = text;
    $("login-notice").hidden = text === "";
    if (text !== "") {
        announce(text);
    }
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
    setInterval(() => wait && drawWait(), 500);
    addEventListener("popstate", () => $("app").classList.contains("talking") && backToList());
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
    $("login-id").value = kept(NAME) ?? "";
    if ($("login-id").value !== "") {
        notice("Log in again to go on with your conversations.");
    }
    $($("login-id").value === "" ? "login-id" : "login-password").focus();
}

begin();
