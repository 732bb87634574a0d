# A function for tests, on the port and with the ledger that the arguments name: one line for each call, on disk before the call is answered.
# One process serves all connections, so that killing it cuts every call that runs.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

use constant SECONDS => 0.05;

my ($port, $file) = @ARGV;
$SIG{PIPE} = 'IGNORE';
$| = 1;
open(my $ledger, '>>', $file) or die "$file: $!";
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 128, ReuseAddr => 1) or die "port $port: $!";
print "listening on ", $server->sockport, "\n";

my $open = IO::Select->new($server);
my (%received, @running);
while (1) {
    my $pause = @running ? $running[0]{ends} - time : undef;
    for my $client ($open->can_read(defined $pause && $pause < 0 ? 0 : $pause)) {
        if ($client == $server) {
            $open->add($server->accept // next);
            next;
        }
        if (!sysread $client, $received{$client}, 65536, length($received{$client} // '')) {
            forget($client);
            next;
        }
        my ($head, $body) = split /\r\n\r\n/, $received{$client}, 2;
        my ($length) = $head =~ /^content-length: *(\d+)/mi;
        next unless defined $body && length $body >= ($length // 0);
        my ($call) = $head =~ /^x-call-id: *(\S+)/mi;
        my ($delivery) = $head =~ /^x-delivery-id: *(\S+)/mi;
        syswrite $ledger, "$call $delivery\n";
        forget($client);
        push @running, { client => $client, body => $body, ends => time + SECONDS };
    }
    while (@running && $running[0]{ends} <= time) {
        my $done = shift @running;
        my $answer = "done $done->{body}";
        syswrite $done->{client}, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " . length($answer) . "\r\n\r\n$answer";
        close $done->{client};
    }
}

sub forget {
    my ($client) = @_;
    $open->remove($client);
    delete $received{$client};
}
