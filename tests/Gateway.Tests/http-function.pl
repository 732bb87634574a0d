# An HTTP function for tests: a process for each connection, on the port PORT.
use strict;
use IO::Socket::INET;
use Digest::SHA qw(sha1_base64);
$| = 1;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ENV{PORT} || $ARGV[0], Listen => 64, ReuseAddr => 1) or die "port: $!";
print "listening as $$\n";
$SIG{CHLD} = 'IGNORE';
$SIG{TERM} = $ENV{ignore_term} ? 'IGNORE' : sub { print "asked to end\n"; exit 0 };
my $parent = $$;
use Time::HiRes qw(time);
my $born = time() . rand;
my $secrets = ''; # read once, as most functions do
if ($ENV{secret_mount_path}) {
    for my $file (sort glob "$ENV{secret_mount_path}/*") { local $/; open my $in, '<', $file or next; $secrets .= <$in>; }
}
while (1) {
    my $client = $server->accept or next;
    next if fork;
    close $server; # no one is to find a listener here once the parent is gone
    my $head = '';
    while (my $line = <$client>) { $head .= $line; last if $line eq "\r\n"; }
    my ($verb, $path) = $head =~ m{^(\S+) (\S+)};
    my $body = '';
    if ($head =~ /^content-length: *(\d+)/mi) { read($client, $body, $1); }
    if ($head =~ /^upgrade: websocket/mi) {
        my ($key) = $head =~ /^sec-websocket-key: *(\S+)/mi;
        my $accept = sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';
        print $client "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: $accept\r\n\r\n";
        while (sysread($client, my $frame, 65536)) {
            # A masked text frame of less than 126 bytes comes back unmasked.
            my ($first, $second) = unpack('CC', $frame);
            my $length = $second & 127;
            my @mask = unpack('C4', substr($frame, 2, 4));
            my @bytes = unpack('C*', substr($frame, 6, $length));
            my $text = join '', map { chr($bytes[$_] ^ $mask[$_ % 4]) } 0 .. $#bytes;
            syswrite($client, pack('CC', $first, $length) . $text);
            exit 0 if ($first & 15) == 8;
        }
        exit 0;
    }
    if ($path eq '/die') { kill 'KILL', $parent; exit 0; }
    if ($path =~ m{^/until(/.*)}) { select(undef, undef, undef, 0.02) until -e $1; }
    if ($path eq '/hang') { sleep 600; exit 0; }
    if ($path eq '/large') {
        my ($size) = $head =~ /^x-size: *(\d+)/mi;
        print $client "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: $size\r\n\r\n";
        my $chunk = 'x' x 65536;
        while ($size > 0) { syswrite($client, $chunk, $size < 65536 ? $size : 65536) or last; $size -= 65536; }
        exit 0;
    }
    my $answer = $path eq '/born' ? $born : $path eq '/secrets' ? $secrets : $path eq '/head' ? "$head$body" : $path eq '/env' ? join("\n", map { "$_=$ENV{$_}" } sort keys %ENV) : "$verb $path $body";
    print $client "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " . length($answer) . "\r\n\r\n$answer";
    exit 0;
}
