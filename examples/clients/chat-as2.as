// A chat client in ActionScript 2 (Flash MX 2004 or later): put `#include "chat-as2.as"` on the first frame of
// a movie, with a dynamic multi-line text field called `log`. It logs in, and shows what comes.
// Set the four values below. Lines come and go as core/PROTOCOL.md says.
var host:String = "localhost", port:Number = 8080;
var id:String = "1", password:String = "secret1";

System.security.loadPolicyFile("xmlsocket://" + host + ":" + port);
var socket:XMLSocket = new XMLSocket();

/** Sends a command: `MSG bob Hello`, `LIST`, `QUIT`. The socket ends it with NUL. */
function send(command:String):Void {
    socket.send(command);
}

function show(line:String):Void {
    log.text += line + "\n";
    log.scroll = log.maxscroll;
}

socket.onConnect = function (success:Boolean):Void {
    if (success) { send("IDENTIFY " + id + " " + password); } else { show("Cannot connect."); }
};
socket.onClose = function ():Void {
    show("The connection is closed.");
};
socket.onData = function (data:String):Void {
    if (data == "") { return; } // it only keeps the connection open
    var document:XML = new XML(data);
    var answer:XMLNode = document.firstChild;
    var a:Object = answer.attributes;
    switch (answer.nodeName) {
        case "identify": show("You are " + a.name + "."); send("LIST"); break;
        case "nicklist":
            for (var who:XMLNode = answer.firstChild; who != null; who = who.nextSibling) {
                show(who.attributes.name + " is online.");
            }
            break;
        case "login": show(a.name + " is online."); break;
        case "quit": show(a.aid + " left."); break;
        // `aid` is the sender. `from` is the recipient: a quirk of the 2007 format.
        case "msg": show(a.time + " " + a.aid + " to " + a.from + ": " + a.msg); break;
        case "error": show("Error: " + a.value); break;
    }
};
socket.connect(host, port);
