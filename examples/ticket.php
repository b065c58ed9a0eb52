<?php
$chat_origin = 'https://chat.example.com';        // where the chat's page is
$secret_file = '/etc/flashgate/ticket.secret';    // outside of what the web server serves
session_start();
$id = isset($_SESSION['user_id']) ? $_SESSION['user_id'] : 0;    // who is logged in, as your site knows it

function chat_ticket($secret_file, $id) {
    $secret = file_get_contents($secret_file);
    if (strlen($secret) < 32) {
        throw new Exception('no secret for chat tickets');
    }
    $nonce = bin2hex(function_exists('random_bytes') ? random_bytes(16) : openssl_random_pseudo_bytes(16));
    $ticket = 'ticket:1.' . (int) $id . '.' . time() . '.' . (time() + 60) . '.' . $nonce;
    return $ticket . '.' . hash_hmac('sha256', $ticket, $secret);
}

header('Cache-Control: no-store');
header('Content-Type: text/plain');
header('Access-Control-Allow-Origin: ' . $chat_origin);
header('Access-Control-Allow-Credentials: true');
$origin = isset($_SERVER['HTTP_ORIGIN']) ? $_SERVER['HTTP_ORIGIN'] : '';
if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    http_response_code(405);
} elseif ($origin !== $chat_origin || !$id) {
    http_response_code(403);
} else {
    echo chat_ticket($secret_file, $id);
}
