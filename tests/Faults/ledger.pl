# A function or a receiver of callbacks, on the port and with the ledger that the arguments name: each request is a line (time, head and body in
# hexadecimal) of a file that outlives the process, written before it is answered. The first word of the path says what is answered.
# One process serves all connections, so that killing it cuts every call that runs.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

my ($port, $file) = @ARGV;
$SIG{PIPE} = 'IGNORE';
$| = 1;
open(my $ledger, '>>', $file) or die "$file: $!";
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 256, ReuseAddr => 1) or die "port $port: $!";
print "listening on ", $server->sockport, "\n";

my $open = IO::Select->new($server);
my (%received, @running, @held);
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
        syswrite $ledger, sprintf("%.6f %s %s\n", time, unpack('H*', $head), unpack('H*', $body));
        forget($client);
        my ($what, $more) = $head =~ m{^POST /(\w+)/(\d*)};
        my ($attempt) = $head =~ /^x-attempt: *(\d+)/mi;
        my $call = { client => $client, body => $body, status => 200 };
        if ($what eq 'hold') {    # until so many are here at once
            push @held, $call;
            if (@held >= $more) { answer(shift @held) while @held }
            next;
        }
        $call->{status} = 400 if $what eq 'bad';
        $call->{status} = 500 if $what eq 'flaky' && $attempt == 1;
        $call->{ends} = time + 0.05;
        push @running, $call;
    }
    answer(shift @running) while @running && $running[0]{ends} <= time;
}

sub answer {
    my ($call) = @_;
    my $answer = "done $call->{body}";
    syswrite $call->{client}, "HTTP/1.1 $call->{status} Word\r\nConnection: close\r\nContent-Length: " . length($answer) . "\r\n\r\n$answer";
    close $call->{client};
}

sub forget {
    my ($client) = @_;
    $open->remove($client);
    delete $received{$client};
}
