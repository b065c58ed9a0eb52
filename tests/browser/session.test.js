// How a page keeps its login: the session by itself, with a clock, a network and a server that do as the
// test says. No browser, and no real time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { getHeapSnapshot } from "node:v8";

import { Session } from "../../src/web/chat/session.js";

const SECOND = 1000;
/** Longer than any wait for the next attempt. */
const LONG = 40 * SECOND;

/** Time that passes when it is told to. */
class Clock {
    now = 1_000_000_000_000;
    #timers = new Map();
    #last = 0;

    set(act, wait, every) {
        this.#timers.set(++this.#last, { act, at: this.now + wait, every });
        return this.#last;
    }

    clear(id) {
        this.#timers.delete(id);
    }

    /** Time passes, and everything that is due happens in order. */
    pass(milliseconds) {
        const end = this.now + milliseconds;
        for (;;) {
            const due = [...this.#timers].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at)[0];
            if (!due) {
                break;
            }
            const [id, timer] = due;
            this.now = Math.max(this.now, timer.at);
            if (timer.every) {
                timer.at = this.now + timer.every;
            } else {
                this.#timers.delete(id);
            }
            timer.act();
        }
        this.now = end;
    }

    /** Time passes while the machine sleeps: nothing happens in between, and then all that is due, late. */
    sleep(milliseconds) {
        this.now += milliseconds;
        this.pass(0);
    }
}

/** A connection, from the server's side. */
class FakeSocket {
    static OPEN = 1;
    static all = [];
    readyState = 0;
    sent = [];

    constructor(address) {
        this.address = address;
        FakeSocket.all.push(this);
    }

    static get last() {
        return FakeSocket.all.at(-1);
    }

    open() {
        this.readyState = 1;
        this.onopen?.();
        // The first thing that every page asks, before it logs in.
        assert.equal(this.sent.shift(), "HELLO");
        this.say('<hello server="flashgate" version="1.0" features="me" />');
    }

    say(text) {
        this.onmessage?.({ data: text });
    }

    /** Opens, and lets the member in. */
    welcome() {
        this.open();
        this.say('<identify aid="alice" name="Alice" />');
        this.say('<nicklist></nicklist>');
    }

    /** The server or the network ends it. */
    drop(code = 1006) {
        this.readyState = 3;
        this.onclose?.({ code });
    }

    send(text) {
        this.sent.push(text);
    }

    close() {
        this.readyState = 3;
    }
}

/** As much of an XML parser as these answers need. */
class FakeParser {
    parseFromString(text) {
        const [, localName, rest] = /^<(\w+)([^>]*)>/.exec(text) ?? [, "parsererror", ""];
        const attributes = new Map([...rest.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
        const documentElement = { localName, children: [], getAttribute: (name) => attributes.get(name) ?? null };
        return { documentElement, querySelector: (name) => (name === localName ? documentElement : null) };
    }
}

/** A session in a world of its own. `random` is what the next waits are spread by. */
function start(t, { random = 0.5 } = {}) {
    const clock = new Clock();
    const world = {
        WebSocket: FakeSocket,
        DOMParser: FakeParser,
        setTimeout: (act, wait) => clock.set(act, wait),
        clearTimeout: (id) => clock.clear(id),
        setInterval: (act, every) => clock.set(act, every, every),
        clearInterval: (id) => clock.clear(id),
    };
    const before = Object.fromEntries(Object.keys(world).map((name) => [name, globalThis[name]]));
    const { now } = Date;
    const real = Math.random;
    const spread = { random };
    Object.assign(globalThis, world);
    Date.now = () => clock.now;
    Math.random = () => spread.random;
    t.after(() => {
        Object.assign(globalThis, before);
        Date.now = now;
        Math.random = real;
    });
    FakeSocket.all = [];
    const told = [];
    const session = new Session("ws://chat/", (event) => told.push(event));
    return { clock, told, session, spread, last: () => told.at(-1) };
}

/** How long the session waits now. */
function wait({ clock, last }) {
    assert.equal(last().kind, "waiting");
    return last().until - clock.now;
}

test("the wait before the next attempt doubles up to 30 seconds", (t) => {
    const page = start(t);
    page.session.logIn("alice", "secret");
    const waits = [];
    for (let i = 0; i < 9; i += 1) {
        FakeSocket.last.drop();
        waits.push(wait(page) / SECOND);
        page.clock.pass(wait(page));
        assert.equal(FakeSocket.all.length, i + 2, "one attempt each time");
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 30, 30, 30, 30]);
});

test("waits are spread, so that not all pages come back at once", (t) => {
    const page = start(t);
    page.session.logIn("alice", "secret");
    const waits = [];
    for (const random of [0, 0.25, 0.5, 0.999]) {
        page.spread.random = random;
        page.session.logIn("alice", "secret");
        FakeSocket.last.drop();
        waits.push(wait(page));
    }
    assert.deepEqual(waits.map(Math.round), [750, 875, 1000, 1250]);
});

test("a connection that lasted makes the next wait short again", (t) => {
    const page = start(t);
    page.session.logIn("alice", "secret");
    for (let i = 0; i < 4; i += 1) {
        FakeSocket.last.drop();
        page.clock.pass(wait(page));
    }
    FakeSocket.last.welcome();
    page.clock.pass(11 * SECOND);
    FakeSocket.last.drop();
    assert.equal(wait(page), SECOND);

    // One that ended at once does not: the server may be ending all of them.
    page.clock.pass(wait(page));
    FakeSocket.last.welcome();
    page.clock.pass(SECOND);
    FakeSocket.last.drop();
    assert.equal(wait(page), 2 * SECOND);
});

test("a machine that slept asks before it calls a connection dead", (t) => {
    const page = start(t);
    page.session.logIn("alice", "secret");
    FakeSocket.last.welcome();
    page.clock.pass(6 * SECOND);
    page.clock.sleep(3600 * SECOND);
    assert.equal(page.session.state, "online");
    assert.equal(FakeSocket.last.sent.at(-1), "PING alive");
    FakeSocket.last.say('<pong value="alive"/>');
    page.clock.pass(20 * SECOND);
    assert.equal(page.session.state, "online");
    assert.equal(FakeSocket.all.length, 1);

    // Silence while it is awake is another thing.
    page.clock.pass(60 * SECOND);
    assert.ok(page.told.some(({ kind, why }) => kind === "waiting" && why === "lost"));
});

test("close code 1008 ends the login, and nothing is tried again", (t) => {
    const page = start(t);
    page.session.logIn("alice", "secret");
    FakeSocket.last.welcome();
    FakeSocket.last.drop(1008);
    assert.deepEqual(page.last(), { kind: "out", why: "ended", text: undefined });
    page.clock.pass(3600 * SECOND);
    page.session.wake();
    page.session.retryNow();
    assert.equal(FakeSocket.all.length, 1);
});

test("a kick ends the login with the operator's reason", (t) => {
    const page = start(t);
    page.session.logIn("alice", "secret1");
    FakeSocket.last.welcome();
    FakeSocket.last.say('<kicked reason="Too loud"/>');
    FakeSocket.last.drop(1008);
    assert.deepEqual(page.last(), { kind: "out", why: "ended", text: "Too loud" });
    page.clock.pass(3600 * SECOND);
    assert.equal(FakeSocket.all.length, 1);
});

test("a login that another one replaced is not tried again", (t) => {
    const page = start(t);
    page.session.logIn("alice", "secret");
    FakeSocket.last.welcome();
    const socket = FakeSocket.last;
    socket.say('<error value="Replaced by a new login."/>');
    socket.drop(1008);
    assert.equal(page.last().why, "replaced");
    page.clock.pass(3600 * SECOND);
    page.session.wake();
    page.session.retryNow();
    assert.equal(FakeSocket.all.length, 1);
});

test("an empty message means nothing, but that the connection lives", (t) => {
    const page = start(t);
    page.session.logIn("alice", "secret");
    FakeSocket.last.welcome();
    const told = page.told.length;
    const sent = FakeSocket.last.sent.length;
    for (let i = 0; i < 12; i += 1) {
        page.clock.pass(20 * SECOND);
        FakeSocket.last.say("");
    }
    assert.equal(page.told.length, told);
    assert.equal(FakeSocket.last.sent.length, sent, "nothing was asked");
    assert.equal(page.session.state, "online");
});

test("what was sent last is told as unconfirmed when the connection is lost", (t) => {
    const page = start(t);
    page.session.logIn("alice", "secret");
    FakeSocket.last.welcome();
    assert.ok(page.session.send("bob", { text: "one" }, 1));
    assert.ok(page.session.send("bob", { action: true, text: "two" }, 2));
    assert.deepEqual(FakeSocket.last.sent.slice(-2), ["MSG bob one", "ME bob two"]);
    FakeSocket.last.say('<msg aid="alice" time="10:00:00" msg="one" from="bob" />');
    FakeSocket.last.drop();
    const unconfirmed = page.told.filter(({ kind }) => kind === "unconfirmed");
    assert.deepEqual(unconfirmed, [{ kind: "unconfirmed", id: 2 }]);
});

test("a ticket that the server did not look at is sent again, or a fresh one", async (t) => {
    const refusals = [
        (socket) => socket.say('<error value="Please try again later."/>'),
        (socket) => socket.say('<error value="Server is full."/>'),
        (socket) => socket.drop(1013),
    ];
    for (const refuse of refusals) {
        let renewed = 0;
        const renew = () => Promise.resolve({ id: "1", ticket: `ticket:fresh${++renewed}` });
        for (const [site, second] of [[null, "IDENTIFY 1 ticket:first"], [renew, "IDENTIFY 1 ticket:fresh1"]]) {
            const page = start(t);
            page.session.logInByTicket({ id: "1", ticket: "ticket:first" }, site);
            FakeSocket.last.open();
            assert.deepEqual(FakeSocket.last.sent, ["IDENTIFY 1 ticket:first"]);
            refuse(FakeSocket.last);
            page.clock.pass(wait(page));
            await new Promise(setImmediate);
            FakeSocket.last.open();
            assert.deepEqual(FakeSocket.last.sent, [second]);
        }
    }
});

test("a ticket is sent once", (t) => {
    for (const end of [(socket) => socket.drop(), (socket) => socket.say('<error value="Already online."/>')]) {
        const page = start(t);
        page.session.logInByTicket({ id: "1", ticket: "ticket:first" }, null);
        FakeSocket.last.open();
        end(FakeSocket.last);
        assert.deepEqual([page.last().kind, page.last().why], ["out", "spent"]);
        page.clock.pass(3600 * SECOND);
        page.session.wake();
        assert.equal(FakeSocket.all.length, 1);
    }
});

test("a log-out while a ticket is awaited is final", async (t) => {
    const page = start(t);
    let give;
    page.session.logInByTicket(null, () => new Promise((resolve) => (give = resolve)));
    page.session.logOut("stopped");
    give({ id: "1", ticket: "ticket:late" });
    await new Promise(setImmediate);
    assert.equal(page.session.state, "out");
    assert.equal(FakeSocket.all.length, 0);
});

/** Whether a text is anywhere in this program's memory. The test itself holds its bytes only. */
async function isInMemory(bytes) {
    let end = Buffer.alloc(0);
    for await (const chunk of getHeapSnapshot()) {
        const piece = Buffer.concat([end, chunk]);
        if (piece.includes(bytes)) {
            return true;
        }
        end = piece.subarray(-bytes.length);
    }
    return false;
}

test("a guest asks for the same nick again, and for another one if it was not chosen", (t) => {
    const { clock, session, told, last } = start(t);
    session.comeAsGuest("");
    FakeSocket.last.open();
    assert.deepEqual(FakeSocket.last.sent, ["GUEST"]);
    FakeSocket.last.say('<identify aid="~guest1" name="~guest1" />');
    FakeSocket.last.drop();
    clock.pass(LONG);
    FakeSocket.last.open();
    FakeSocket.last.say('<error value="Nick is taken."/>');
    assert.deepEqual(FakeSocket.last.sent, ["GUEST ~guest1", "GUEST"]);
    FakeSocket.last.say('<identify aid="~guest2" name="~guest2" />');
    assert.deepEqual(told.filter(({ kind }) => kind === "online").at(-1), {
        kind: "online",
        me: { nick: "~guest2", name: "~guest2" },
        was: "~guest1",
    });

    // A nick that was chosen is waited for, but not for ever.
    session.comeAsGuest("mona");
    FakeSocket.last.open();
    FakeSocket.last.say('<identify aid="~mona" name="~mona" />');
    FakeSocket.last.drop();
    let tries = 0;
    for (; session.state !== "out"; tries += 1) {
        clock.pass(LONG);
        FakeSocket.last.open();
        assert.deepEqual(FakeSocket.last.sent, ["GUEST ~mona"]);
        FakeSocket.last.say('<error value="Nick is taken."/>');
    }
    assert.ok(tries > 5 && tries < 10, `${tries} tries`);
    assert.deepEqual(last(), { kind: "out", why: "guest", text: "Nick is taken." });
});

test("the next login goes by the nick that the user has by then", (t) => {
    const { clock, session, last } = start(t);
    session.logIn("Alice", "secret");
    FakeSocket.last.welcome();
    FakeSocket.last.say('<nickchanged aid="bob" to="bobby" />');
    FakeSocket.last.say('<nickchanged aid="alice" to="queen" />');
    assert.deepEqual(last(), { kind: "renamed", from: "alice", to: "queen", own: true, about: null });
    FakeSocket.last.drop();
    clock.pass(LONG);
    FakeSocket.last.open();
    assert.deepEqual(FakeSocket.last.sent, ["IDENTIFY queen secret"]);

    session.logIn("7", "secret");
    FakeSocket.last.welcome();
    FakeSocket.last.say('<nickchanged aid="alice" to="queen" />');
    FakeSocket.last.drop();
    clock.pass(LONG);
    FakeSocket.last.open();
    assert.deepEqual(FakeSocket.last.sent, ["IDENTIFY 7 secret"], "a number stays");
});

test("each answer goes to the command that asked for it", async (t) => {
    const { session, told } = start(t);
    session.logIn("alice", "secret");
    FakeSocket.last.welcome();
    const results = [];
    const ask = (text, about) => session.request(text, about).then(
        ({ kind, text }) => results.push(kind ?? text),
        (error) => results.push(`refused ${error.text}`),
    );
    const all = [
        ask("JOIN #a", { kind: "join" }),
        ask("TOPIC #a x", { kind: "topic" }),
        ask("KICK #a bob", { kind: "kick" }),
        ask("NICK queen", { kind: "nick", nick: "queen" }),
        ask("PART #a", { kind: "part" }),
        ask(`TOPIC #a ${"x".repeat(9000)}`, { kind: "topic" }),
    ];
    for (const answer of [
        '<join room="#a" aid="alice" name="Alice" />',
        '<room name="#a" topic="" owner="alice" seats="0" max="0" n="0"></room>',
        '<topic room="#a" aid="bob" topic="of somebody else" />',
        '<topic room="#a" aid="alice" topic="x" />',
        '<part room="#a" aid="carol" />',
        '<error value="User is already left."/>',
        // An operator was quicker.
        '<nickchanged aid="alice" to="alicia" />',
        '<nickchanged aid="alicia" to="queen" />',
        '<part room="#a" aid="bob" />',
        '<part room="#a" aid="queen" />',
    ]) {
        FakeSocket.last.say(answer);
    }
    await Promise.all(all);
    const answers = told.filter(({ about }) => about).map(({ kind }) => kind);
    assert.deepEqual(answers, ["room", "topic", "renamed", "part"]);
    assert.deepEqual(results, ["refused Message too long.", "room", "topic", "refused User is already left.", "renamed", "part"]);

    const lost = ask("ROOMS", { kind: "rooms" });
    FakeSocket.last.drop();
    await lost;
    assert.equal(results.at(-1), "refused null");
    await ask("ROOMS", { kind: "rooms" });
    assert.equal(results.at(-1), "refused null", "nothing is sent without a connection");
});

test("a log-out forgets the password", async (t) => {
    const bytes = Buffer.from(Array.from({ length: 24 }, (_, i) => 97 + ((i * 7) % 26)));
    const page = start(t);
    const logIn = () => page.session.logIn("alice", bytes.toString("latin1"));
    logIn();
    FakeSocket.last.welcome();
    FakeSocket.last.sent = [];
    assert.equal(await isInMemory(bytes), true, "a page that is logged in needs it to come back");
    page.session.logOut("left");
    assert.equal(await isInMemory(bytes), false);
    assert.equal(page.last().why, "left");
});
