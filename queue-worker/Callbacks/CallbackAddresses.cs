using System.Buffers;
using System.Net;
using System.Net.Sockets;

namespace Connectors.QueueWorker.Callbacks;

/// <summary>
/// Which addresses callbacks may go to: not this machine, not its link, not where clouds keep metadata, unless an operator allows it; private networks
/// unless an operator forbids it. IPv6 forms that carry an IPv4 address are judged by that address.
/// </summary>
internal sealed class CallbackAddresses
{
    // Link-local holds most clouds' metadata; the single addresses are those of Alibaba, Azure and Oracle, and in IPv6 those of AWS and its pods, Scaleway, Google,
    // Oracle, Akamai and Alibaba.
    private static readonly IPNetwork[] Refused =
    [
        .. Networks("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/3", "100.100.100.200/32", "168.63.129.16/32"),
        .. Networks("::/127", "fe80::/10", "ff00::/8", "fd00:ec2::254/128", "fd00:ec2::23/128", "fd00:42::42/128", "fd20:ce::254/128", "64:ff9b:1::/48"),
        .. Networks("fd00:c1::a9fe:a9fe/128", "fd00:a9fe:a9fe::1/128", "fd00:100::100:200/128"),
    ];

    private static readonly IPNetwork[] Private =
        Networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7", "fec0::/10");

    private static readonly SearchValues<char> NoHost = SearchValues.Create("/\\@?#*: \t");

    private readonly List<IPNetwork> _allowed = [];
    private readonly HashSet<string> _hosts = new(StringComparer.OrdinalIgnoreCase);
    private readonly bool _allowsPrivate;

    public CallbackAddresses(IEnumerable<string> allow, bool allowsPrivate)
    {
        _allowsPrivate = allowsPrivate;
        foreach (var entry in allow)
        {
            if (IPAddress.TryParse(entry, out var address))
            {
                _allowed.Add(new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128));
            }
            else if (IPNetwork.TryParse(entry, out var network))
            {
                _allowed.Add(network);
            }
            else
            {
                _hosts.Add(entry);
            }
        }
    }

    /// <summary>Whether an entry of what is allowed could ever be one that a callback goes to.</summary>
    public static bool CanMatch(string entry) => IPAddress.TryParse(entry, out _) || IPNetwork.TryParse(entry, out _) || !entry.AsSpan().ContainsAny(NoHost);

    public bool Allows(string host, IPAddress address)
    {
        var plain = Unmapped(address);
        return _hosts.Contains(host)
            || _allowed.Any(n => n.Contains(plain))
            || !(Refused.Any(n => n.Contains(plain)) || (!_allowsPrivate && Private.Any(n => n.Contains(plain))));
    }

    /// <summary>The IPv4 address inside a mapped, compatible, NAT64, 6to4, Teredo or ISATAP address; any other as it is.</summary>
    internal static IPAddress Unmapped(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        // A new one: the scope of a link-local address would keep it out of every network.
        var bytes = address.GetAddressBytes();
        if (address.IsIPv4MappedToIPv6 || IsNat64(bytes) || IsCompatible(bytes) || IsIsatap(bytes))
        {
            return new IPAddress(bytes.AsSpan(12));
        }

        if (Starts(bytes, 0x20, 0x02))
        {
            return new IPAddress(bytes.AsSpan(2, 4));
        }

        // Teredo keeps its client's address with every bit turned.
        return Starts(bytes, 0x20, 0x01, 0, 0) ? new IPAddress(bytes[12..].Select(b => (byte)~b).ToArray()) : new IPAddress(bytes);
    }

    // Not :: and ::1, which have an entry of their own.
    private static bool IsCompatible(byte[] bytes) => bytes.AsSpan(0, 12).IndexOfAnyExcept((byte)0) < 0 && (bytes[12] | bytes[13] | bytes[14]) != 0;

    private static bool IsIsatap(byte[] bytes) => bytes[8] is 0 or 2 && bytes.AsSpan(9, 3).SequenceEqual((ReadOnlySpan<byte>)[0, 0x5e, 0xfe]);

    private static bool IsNat64(byte[] bytes) => Starts(bytes, 0, 0x64, 0xff, 0x9b) && bytes.AsSpan(4, 8).IndexOfAnyExcept((byte)0) < 0;

    private static bool Starts(byte[] bytes, params ReadOnlySpan<byte> prefix) => bytes.AsSpan().StartsWith(prefix);

    private static IPNetwork[] Networks(params string[] texts) => [.. texts.Select(text => IPNetwork.Parse(text))];
}
