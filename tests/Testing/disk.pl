# A disk that forgets what was not flushed, for one program and what it keeps under one folder.
#   disk.pl run FOLDER KEPT COMMAND...   runs the command; KEPT holds each file of FOLDER as it was when it was last flushed
#   disk.pl cut FOLDER KEPT              once the command is dead: puts the files of FOLDER back to that
# The kernel stops the command at each fsync and fdatasync (seccomp's user notification: no privilege is needed), and goes on once the file has been copied.
# A file opened with O_SYNC is copied when it is closed. SIGHUP copies all files: what was written long ago, and what the kernel has written by itself since.
# Names are not forgotten: a file that was created, renamed or deleted is so after the cut, and one that was never flushed is empty.
use strict;
use warnings;
use Config;
use File::Find;
use File::Path qw(make_path);
use IO::Select;
use Socket;

my ($what, $folder, $kept, @command) = @ARGV;
$| = 1;
make_path($kept);
$what eq 'cut' ? cut() : run();

sub cut {
    for my $file (files()) {
        my $flushed = "$kept/" . (stat $file)[1];
        open(my $to, '+<', $file) or die "$file: $!";
        truncate $to, 0;
        pour($flushed, $to) if -e $flushed;
    }
    unlink glob "$kept/*";
}

sub run {
    my %number = $Config{archname} =~ /aarch64/
        ? (prctl => 167, seccomp => 277, sendmsg => 211, recvmsg => 212, fsync => 82, fdatasync => 83, close => 57)
        : (prctl => 157, seccomp => 317, sendmsg => 46, recvmsg => 47, fsync => 74, fdatasync => 75, close => 3);
    my %name = reverse %number;
    keep($_) for files();

    socketpair(my $here, my $there, AF_UNIX, SOCK_STREAM, 0) or die "socketpair: $!";
    my $child = fork // die "fork: $!";
    if (!$child) {
        # Of each system call its number is looked at; those that are listed are told of, all others pass.
        my @told = @number{qw(fsync fdatasync close)};
        my $program = pack('S C C L', 0x20, 0, 0, 0);
        $program .= pack('S C C L', 0x15, @told - $_, 0, $told[$_]) for 0 .. $#told;
        $program .= pack('S C C L', 0x06, 0, 0, 0x7fff0000) . pack('S C C L', 0x06, 0, 0, 0x7fc00000);
        my $filter = pack('S x6 P', @told + 3, $program);
        syscall($number{prctl}, 38, 1, 0, 0, 0) == 0 or die "no_new_privs: $!";
        my $told = syscall($number{seccomp}, 1, 8, $filter);
        $told >= 0 or die "this machine does not let a program be watched: seccomp: $!";
        my ($control, $byte) = (pack('Q i i i x4', 20, 1, 1, $told), 'x');
        my $piece = pack('P Q', $byte, 1);
        my $message = pack('Q L x4 P Q P Q i x4', 0, 0, $piece, 1, $control, 24, 0);
        syscall($number{sendmsg}, fileno $there, $message, 0) == 1 or die "sendmsg: $!";
        exec 'setpriv', '--pdeathsig', 'KILL', @command or die "$command[0]: $!";
    }

    my ($control, $byte) = ("\0" x 24, 'x');
    my $piece = pack('P Q', $byte, 1);
    my $message = pack('Q L x4 P Q P Q i x4', 0, 0, $piece, 1, $control, 24, 0);
    my $told = syscall($number{recvmsg}, fileno $here, $message, 0) == 1 ? (unpack 'Q i i i', $control)[3] : 0;
    $told or die "the program was not started";
    open(my $notices, '+<&=', $told) or die "notices: $!";
    print "the disk of process $child\n";

    my $asked = 0;
    $SIG{HUP} = sub { $asked = 1 };
    $SIG{TERM} = sub { kill TERM => $child };
    my $waiting = IO::Select->new($notices);
    while (waitpid($child, 1) == 0) {
        if ($asked) {
            keep($_) for files();
            $asked = 0;
            print "all is flushed\n";
        }
        next unless $waiting->can_read(0.1);
        my $notice = "\0" x 80;
        ioctl($notices, 0xC0502100, $notice) or next;
        my ($id, $thread, undef, $call, undef, undef, $descriptor) = unpack 'Q L L l L Q Q', $notice;
        my $open = "/proc/$thread/fd/$descriptor";
        my $path = readlink($open) // '';
        if (index($path, "$folder/") == 0 && -f $open && ($name{$call} ne 'close' || is_synchronous($thread, $descriptor))) {
            keep($open);
        }
        ioctl($notices, 0xC0182101, my $answer = pack('Q q l L', $id, 0, 0, 1));
    }
    exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
}

# The file is held open, so that no other one gets its number.
my %held;

sub keep {
    my ($file) = @_;
    my $number = (stat $file)[1] // return;
    $held{$number} //= do { open(my $held, '<', $file) or return; $held };
    open(my $to, '>', "$kept/$number.new") or die "$kept: $!";
    pour($file, $to);
    rename "$kept/$number.new", "$kept/$number";
}

sub is_synchronous {
    my ($thread, $descriptor) = @_;
    open(my $info, '<', "/proc/$thread/fdinfo/$descriptor") or return 0;
    return join('', <$info>) =~ /^flags:\s*(\d+)/m && oct($1) & 010000;
}

sub files {
    my @files;
    find({ no_chdir => 1, wanted => sub { push @files, $_ if -f } }, $folder) if -d $folder;
    return @files;
}

sub pour {
    my ($from, $to) = @_;
    open(my $source, '<', $from) or return;
    my $data;
    while (sysread $source, $data, 1 << 20) { syswrite $to, $data }
    close $to or die "copy of $from: $!";
}
