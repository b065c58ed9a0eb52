// Starts the Flash movie in Ruffle, if the server knows where Ruffle is; else says how to get it.

import { settings } from "../chat/settings.js";
import { framed, fromAddress, renew } from "../chat/ticket.js";

/** The lines that screen readers can go back to. */
const LINES_KEPT = 100;

/** Ruffle's own font has Latin, Greek and Cyrillic letters. */
const LACKING = /[^\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Common}\p{Script=Inherited}]|\p{Extended_Pictographic}/u;

/** Milliseconds; without an answer of the site, a password is as good. */
const SITE_TIMEOUT = 10_000;

const element = (id) => document.getElementById(id);

/** The port that the page came from; browsers leave the usual ones out. */
function ownPort() {
    return Number(location.port) || (location.protocol === "https:" ? 443 : 80);
}

/**
 * Where Ruffle finds a socket that a movie asks for. Host and port must be those that the movie says.
 * `localhost` is there because Ruffle takes it for `connect(null, port)` in pages without a domain
 * name, and for a movie that names it.
 */
function socketProxy() {
    // Below a proxy's prefix, too.
    const address = new URL("./", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const proxyUrl = address.href;
    const hosts = new Set([location.hostname, "localhost"]);
    return [...hosts].map((host) => ({ host, port: ownPort(), proxyUrl }));
}

/** Repeats what appears in the movie for screen readers. It comes percent-encoded. */
function mirror(command, line) {
    if (command !== "mirror") {
        return;
    }
    const text = decodeURIComponent(line);
    const said = element("said");
    const paragraph = document.createElement("p");
    paragraph.textContent = text;
    element("lacking").hidden = !LACKING.test(text);
    element("lacking-text").textContent = text;
    said.append(paragraph);
    while (said.childElementCount > LINES_KEPT) {
        said.firstElementChild.remove();
    }
}

function show(id) {
    element("loading").hidden = true;
    element(id).hidden = false;
}

function complain(reason) {
    element("reason").textContent = reason;
    element("movie").hidden = true;
    show("broken");
}

function loadScript(address) {
    return new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = address;
        script.addEventListener("load", resolve);
        script.addEventListener("error", () => reject(new Error(`${address} cannot be loaded.`)));
        document.head.append(script);
    });
}

/** A login that the site vouches for, if the visitor agrees: anybody can send a link. */
async function pass() {
    const link = fromAddress();
    // A link that comes later finds the visitor logged in, or about to be.
    addEventListener("hashchange", () => fromAddress());
    const fresh = () => renew?.(AbortSignal.timeout(SITE_TIMEOUT)).catch(() => null);
    const login = link?.ticket ? link : await fresh();
    if (!login || framed) {
        return login;
    }
    element("offer-name").textContent = /^\d+$/.test(login.id) ? `member ${login.id}` : login.id;
    show("offer");
    element("offer-title").focus();
    const yes = await new Promise((resolve) => {
        element("offer-yes").addEventListener("click", () => resolve(true));
        element("offer-no").addEventListener("click", () => resolve(false));
    });
    element("offer").hidden = true;
    element("loading").hidden = false;
    // The ticket that the site gave may have expired meanwhile.
    return yes ? (login === link ? link : fresh()) : null;
}

async function play(ruffle, login) {
    window.RufflePlayer = window.RufflePlayer || {};
    window.RufflePlayer.config = {
        socketProxy: socketProxy(),
        // The player's other files are beside its script, wherever a redirect took that.
        publicPath: new URL(".", new URL(ruffle, location.href)).href,
        polyfills: false,
        autoplay: "on",
        unmuteOverlay: "hidden",
        letterbox: "off",
        backgroundColor: "#efeae1",
    };
    await loadScript(ruffle);
    show("movie");
    const player = window.RufflePlayer.newest().createPlayer();
    player.setAttribute("aria-label", "Flash chat");
    element("stage").append(player);
    player.ruffle().addFSCommandHandler(mirror);
    await player.ruffle().load({
        url: "chat.swf",
        parameters: { host: location.hostname, port: String(ownPort()), mirror: "yes", ...login },
        // Ruffle passes on what the movie says to the page. The movie is ours.
        allowScriptAccess: true,
    });
}

async function start() {
    for (const place of document.querySelectorAll(".address")) {
        place.textContent = `${location.hostname}, port ${ownPort()}`;
    }
    element("demo").hidden = settings.demo.length === 0;
    element("demo-members").textContent = settings.demo.map(({ nick, password }) => `${nick}, password ${password}`).join("; ");
    try {
        const answer = await fetch("ruffle.json");
        if (!answer.ok) {
            throw new Error(`The server answered ${answer.status} for ruffle.json.`);
        }
        const { ruffle } = await answer.json();
        if (ruffle === null) {
            show("missing");
        } else {
            await play(ruffle, await pass());
        }
    } catch (error) {
        complain(error.message);
    }
}

start();
