#!/usr/bin/perl
# A store in another language on the container contract: it listens on PORT, says how it is and what it is,
# and sells nothing. With BROKEN set it starts, gets healthy, and answers every page with 500.
use strict;
use warnings;
use IO::Socket::INET;

$SIG{TERM} = sub { exit 0 };
$SIG{CHLD} = 'IGNORE';
$| = 1;

if ((shift // '') eq 'release') {
    print "nothing to migrate\n";
    exit 0;
}

my $version = $ENV{STORE_VERSION} // 'foreign';
my $image   = $ENV{IMAGE_DIGEST}  // 'unknown';
my $replica = $ENV{REPLICA} // $ENV{HOSTNAME} // 'unknown';
my %pages   = (
    '/health/live'  => ['application/json', '{"status":"live"}'],
    '/health/ready' => ['application/json', '{"status":"ready"}'],
    '/info'         => ['application/json', qq({"version":"$version","image":"$image","replica":"$replica"})],
    '/topology'     => ['application/json', '{"dependencies":[]}'],
    '/'             => ['text/html', "<!doctype html><title>Foreign</title><h1>A store written in Perl</h1>"],
);

my $server = IO::Socket::INET->new(
    LocalPort => $ENV{PORT} // 8000, Listen => 64, ReuseAddr => 1, Proto => 'tcp'
) or die "cannot listen: $!\n";
print "listening on ", $server->sockport, "\n";

while (my $client = $server->accept) {
    next if fork;    # one process a connection; the kernel reaps them
    my ($method, $path) = (<$client> // '') =~ m{^(\S+) (\S+)};
    while (defined(my $header = <$client>)) { last if $header =~ /^\r?\n$/ }
    my $page   = $pages{ (split /\?/, $path // '')[0] // '' };
    my $status = !$page ? '404 Not Found' : '200 OK';
    $status = '500 Internal Server Error' if $ENV{BROKEN} && ($path // '') !~ m{^/(health|info|topology)};
    my ($type, $body) = @{ $page // ['text/plain', "nothing here\n"] };
    print $client "HTTP/1.1 $status\r\nContent-Type: $type\r\nContent-Length: ", length $body,
        "\r\nConnection: close\r\n\r\n", ($method // '') eq 'HEAD' ? '' : $body;
    close $client;
    exit 0;
}
