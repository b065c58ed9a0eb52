// The page: it brings events of the session to memory and to the screen, and the user's actions to the session.

import { alertTo, beginAlerts } from "./alerts.js";
import { Conversations } from "./conversations.js";
import { Directory } from "./directory.js";
import { $, announce, count, isolated, make, nameOf, onceAFrame } from "./dom.js";
import { Entrance } from "./entrance.js";
import { translated } from "./errors.js";
import { beginOffers, offers, setOffers } from "./features.js";
import { Lobby } from "./lobby.js";
import { notice, showPart } from "./login.js";
import { forgetNews, showNews } from "./news.js";
import { beginNick, endNick } from "./nick.js";
import { People } from "./people.js";
import { understood } from "./protocol.js";
import { RoomView } from "./room-view.js";
import { Session } from "./session.js";
import { Talk } from "./talk.js";
import { siteHost } from "./ticket.js";
import { brandName, brandTitle, say, sayNodes, showBrand, translate } from "./words.js";

/** Milliseconds after a restart of the server by which the pages of all who stay have reconnected. */
const ALL_BACK_AFTER = 60_000;

const narrow = matchMedia("(max-width: 719px)");
const conversations = new Conversations();
const session = new Session(serverAddress(), (event) => handlers[event.kind](event));
const entrance = new Entrance(session);
const people = new People(conversations, openTalk);
const lobby = new Lobby(conversations, session, {
    open: openTalk,
    close: closeRoom,
    draw: () => draw(),
    isSeen: (room) => room.nick === talk.nick && isLookedAt(),
    directory: openDirectory,
    kicked: (room, text) => {
        announce(text);
        if (room.nick !== talk.nick || !isLookedAt()) {
            room.unread += 1;
            alertTo(room, text, openTalk);
        }
    },
});
const directory = new Directory(lobby, conversations, closeTalk);
const roomView = new RoomView(conversations, lobby, {
    write: ({ nick, name }) => {
        // With `--presence off` the server sends no logins and quits; a member of a room is online.
        conversations.came(nick, name);
        openTalk(nick);
    },
    cover: () => narrow.matches && history.pushState("panel", ""),
    uncover: () => (history.state === "panel" ? history.back() : roomView.uncover()),
});
const talk = new Talk(conversations, {
    send: sendMessage,
    run: (thread, command) => lobby.run(thread, command),
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

/** The page's own host and folder, by the scheme that goes with its own. */
function serverAddress() {
    const address = new URL("./", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    return address.href;
}

// Events of the session.

const handlers = {
    ...lobby.handlers,
    hello: ({ features }) => {
        setOffers(features);
        draw();
    },
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
    online: ({ me, was }) => {
        wait = trouble = null;
        arriving = $("app").hidden;
        if (was !== null && was === conversations.me?.nick && was !== me.nick) {
            conversations.renamed(was, me.nick);
        }
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
        showMe();
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
        lobby.rejoin();
    },
    came: ({ nick, name }) => tellPresence(conversations.came(nick, name)),
    gone: ({ nick }) => tellPresence(conversations.gone(nick)),
    message: (message) => {
        const thread = conversations.received(message);
        if (thread && message.id === undefined && message.sender !== conversations.me.nick) {
            arrived(thread);
        }
        draw();
    },
    renamed: ({ from, to, own }) => {
        if (from !== to) {
            conversations.renamed(from, to);
        }
        if (own) {
            entrance.renamed(from, to);
            showMe();
        }
        draw();
    },
    announce: showNews,
    refused: ({ id, text }) => {
        const person = conversations.failed(id, null);
        const why = text === "User is already left." && person
            ? say("notDeliveredLeft", { name: isolated(person.name) })
            : say("notDelivered", { text: translated(text) });
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

function arrived(thread) {
    const isSeen = thread.nick === talk.nick && isLookedAt();
    if (!isSeen || !talk.isAtEnd) {
        conversations.markNew(thread);
    }
    if (isSeen) {
        talk.arrived();
        return;
    }
    thread.unread += 1;
    const { from, isMention } = thread.lastMessage;
    if (thread.isRoom && !isMention) {
        // Messages to a room alert the user only if they mention them.
        return;
    }
    const text = thread.isRoom
        ? say("mentionedIn", { name: isolated(from.name), room: isolated(thread.name) })
        : say("newFrom", { name: isolated(thread.name) });
    alertTo(thread, text, openTalk);
    if (thread.nick !== talk.nick) {
        announce(text);
    }
}

function showMe() {
    $("me").replaceChildren(...sayNodes("me", { name: nameOf(conversations.me) }));
}

/** Leaves nothing of a conversation on the screen, or in the page behind it. */
function closeForGood() {
    talk.open(null);
    directory.close();
    forgetNews();
    endNick();
    $("app").classList.remove("talking");
}

/** Whether the open conversation can be seen: a phone shows the list or the conversation. */
function isLookedAt() {
    return document.visibilityState === "visible" && (!narrow.matches || $("app").classList.contains("talking"));
}

function loggedOut(why, text) {
    const interrupted = !$("app").hidden;
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
    entrance.ended(why, text, interrupted);
    draw();
}

// What the user does.

/** Ends the waiting; unlike a logout it forgets nothing. */
function stop() {
    session.logOut(conversations.me ? "paused" : "stopped");
}

function openTalk(nick) {
    const thread = conversations.get(nick);
    if (!thread) {
        return;
    }
    showPane();
    directory.close();
    if (talk.nick !== thread.nick) {
        conversations.leave(talk.nick);
        conversations.open = thread.nick;
        talk.open(thread);
    }
    thread.unread = 0;
    drawEverything();
    // On a touch screen, focus in the box would open the keyboard over the messages.
    $(matchMedia("(pointer: coarse)").matches ? "log" : "text").focus();
}

/** On a phone the right pane takes the place of the list. */
function showPane() {
    if (narrow.matches && !$("app").classList.contains("talking")) {
        // So that a phone's back button leads to the list, and not away from the page.
        history.pushState("talk", "");
    }
    $("app").classList.add("talking");
}

function openDirectory() {
    showPane();
    leaveTalk();
    directory.open();
    drawEverything();
    $("directory-title").focus();
}

function leaveTalk() {
    conversations.leave(talk.nick);
    conversations.open = null;
    talk.open(null);
}

/** The user has left a room, or was removed from it. */
function closeRoom(room) {
    if (conversations.open === room.nick) {
        leaveTalk();
        drawEverything();
        closeTalk();
    }
    draw();
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
    if (history.state === "panel") {
        history.go(-2);
    } else if (history.state === "talk") {
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
    roomView.draw(current?.isRoom ? current : null, session.state === "online");
    directory.draw();
    $("nobody").hidden = Boolean(current) || directory.isOpen;
    $("choose-why").textContent = say(offers("rooms") ? "chooseWhyRooms" : "chooseWhy");
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
    showPart(busy ? "login-wait" : entrance.part);
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

/** The way back on a phone: from the panel to the room, from there to the list. */
function wentBack() {
    // A link to a fragment of this page does not lead back to another page.
    if (location.hash !== "" || !$("app").classList.contains("talking") || history.state === "panel") {
        return;
    }
    if (roomView.covers) {
        roomView.uncover();
    } else {
        backToList();
    }
}

function begin() {
    for (const place of ["login", "banner"]) {
        $(`${place}-now`).addEventListener("click", () => session.retryNow());
        $(`${place}-stop`).addEventListener("click", stop);
    }
    $("log-out").addEventListener("click", () => session.logOut("left"));
    $("all-rooms").addEventListener("click", openDirectory);
    $("choose-room").addEventListener("click", openDirectory);
    beginNick((nick) => lobby.changeNick(nick), () => conversations.me.nick);
    setInterval(() => wait && drawWait(), 500);
    addEventListener("popstate", wentBack);
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
    translate();
    showBrand();
    beginAlerts();
    beginOffers();
    show("login");
    entrance.begin();
}

begin();
