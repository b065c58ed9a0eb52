<?php
function chat_ticket($secret_file, $id) {
    $secret = file_get_contents($secret_file);
    if (strlen($secret) < 32) {
        throw new Exception('no secret for chat tickets');
    }
    $nonce = bin2hex(function_exists('random_bytes') ? random_bytes(16) : openssl_random_pseudo_bytes(16));
    $ticket = 'ticket:1.' . (int) $id . '.' . time() . '.' . (time() + 60) . '.' . $nonce;
    return $ticket . '.' . hash_hmac('sha256', $ticket, $secret);
}
