# A disk with faults, for one program and what it keeps under one folder.
#   disk.pl forgetful FOLDER KEPT COMMAND...  becomes the command; KEPT holds each file of FOLDER as it was when it was last flushed
#   disk.pl cut FOLDER KEPT                   once the command is dead: puts the files of FOLDER back to that
#   disk.pl fillable FULL COMMAND...          becomes the command; while the file FULL exists, no file of its grows, and none is made (ENOSPC)
# A process beside the command is told of some of its system calls by the kernel, and says of each whether it goes on or fails (seccomp's user notification:
# no privilege is needed). It ends with the command.
# Forgetful: fsync and fdatasync go on once the file has been copied. A file opened with O_SYNC is copied when it is closed. While KEPT/all exists, all
# files are copied, and it is deleted: what was written long ago, and what the kernel has written by itself since. Names are not forgotten: a file that was
# created, renamed or deleted is so after the cut, and one that was never flushed is empty.
# Fillable: for a command that writes into its files by pwrite or makes them anew, as nats-server does. A write may be one to a socket, and passes.
use strict;
use warnings;
use Config;
use File::Find;
use File::Path qw(make_path);
use IO::Poll qw(POLLIN POLLHUP POLLERR);
use Socket;

my %number = $Config{archname} =~ /aarch64/
    ? (prctl => 167, seccomp => 277, sendmsg => 211, recvmsg => 212, fsync => 82, fdatasync => 83, close => 57, pwrite => 68, openat => 56, mkdirat => 34)
    : (prctl => 157, seccomp => 317, sendmsg => 46, recvmsg => 47, fsync => 74, fdatasync => 75, close => 3, pwrite => 18, openat => 257, mkdirat => 258);
my %name = reverse %number;
my $what = shift;
my ($folder, $kept, $full);
$| = 1;
if ($what eq 'fillable') {
    $full = shift;
    become([qw(pwrite mkdirat)], 1, sub { -e $full ? -28 : 0 }, sub { });
}
($folder, $kept) = (shift, shift);
make_path($kept);
$what eq 'cut' ? cut() : become([qw(fsync fdatasync close)], 0, \&flush, \&flush_all);

sub cut {
    for my $file (files()) {
        my $flushed = "$kept/" . (stat $file)[1];
        open(my $to, '+<', $file) or die "$file: $!";
        truncate $to, 0;
        pour($flushed, $to) if -e $flushed;
    }
    unlink glob "$kept/*";
}

# become(CALLS, WHETHER_NEW_FILES_TOO, JUDGE, BETWEEN): the system calls that are told of; what is asked about each, for an errno below 0, or 0 to let it
# go on; and what is done ten times a second.
sub become {
    my ($calls, $creations, $judge, $between) = @_;
    my $command = $$;
    socketpair(my $here, my $there, AF_UNIX, SOCK_STREAM, 0) or die "socketpair: $!";
    my $disk = fork // die "fork: $!";
    if ($disk) {
        # Of each system call its number is looked at, and of one that opens a file, whether it may make one (O_CREAT, in the third argument).
        my @told = @number{@$calls};
        my @opening = $creations ? ([0x15, 0, 2, $number{openat}], [0x20, 0, 0, 32], [0x45, 1, 0, 0100]) : ();
        my @program = ([0x20, 0, 0, 0], (map { [0x15, @told - $_ + @opening, 0, $told[$_]] } 0 .. $#told), @opening, [0x06, 0, 0, 0x7fff0000], [0x06, 0, 0, 0x7fc00000]);
        my $program = join '', map { pack 'S C C L', @$_ } @program;
        my $filter = pack('S x6 P', scalar @program, $program);
        syscall($number{prctl}, 38, 1, 0, 0, 0) == 0 or die "no_new_privs: $!";
        my $told = syscall($number{seccomp}, 1, 8, $filter);
        $told >= 0 or die "this machine does not let a program be watched: seccomp: $!";
        my ($control, $byte) = (pack('Q i i i x4', 20, 1, 1, $told), 'x');
        my $piece = pack('P Q', $byte, 1);
        my $message = pack('Q L x4 P Q P Q i x4', 0, 0, $piece, 1, $control, 24, 0);
        syscall($number{sendmsg}, fileno $there, $message, 0) == 1 or die "sendmsg: $!";
        exec @ARGV or die "$ARGV[0]: $!";
    }

    close $there;
    my ($control, $byte) = ("\0" x 24, 'x');
    my $piece = pack('P Q', $byte, 1);
    my $message = pack('Q L x4 P Q P Q i x4', 0, 0, $piece, 1, $control, 24, 0);
    my $told = syscall($number{recvmsg}, fileno $here, $message, 0) == 1 ? (unpack 'Q i i i', $control)[3] : 0;
    $told or die "the program was not started";
    open(my $notices, '+<&=', $told) or die "notices: $!";
    ioctl($notices, 0x40082104, 1);    # the kernel goes over to us at once, where it knows how
    print "the disk of process $command is process $$\n";

    my $poll = IO::Poll->new;
    $poll->mask($notices => POLLIN);
    while (1) {
        $between->();
        $poll->poll(0.1) > 0 or next;
        exit 0 if $poll->events($notices) & (POLLHUP | POLLERR);
        my $notice = "\0" x 80;
        ioctl($notices, 0xC0502100, $notice) or next;
        my ($id, $thread, undef, $call, undef, undef, $descriptor) = unpack 'Q L L l L Q Q', $notice;
        my $error = $judge->($thread, $name{$call}, $descriptor);
        ioctl($notices, 0xC0182101, my $answer = pack('Q q l L', $id, 0, $error, $error ? 0 : 1));
    }
}

sub flush {
    my ($thread, $call, $descriptor) = @_;
    my $open = "/proc/$thread/fd/$descriptor";
    my $path = readlink($open) // '';
    keep($open) if index($path, "$folder/") == 0 && -f $open && ($call ne 'close' || is_synchronous($thread, $descriptor));
    return 0;
}

sub flush_all {
    return unless -e "$kept/all";
    keep($_) for files();
    unlink "$kept/all";
    print "all is flushed\n";
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
