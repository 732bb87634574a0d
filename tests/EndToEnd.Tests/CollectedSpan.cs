using System.Text;
using Connectors.Testing;

namespace Connectors.EndToEnd.Tests;

/// <summary>A span as a collector gets it by OTLP.</summary>
/// <param name="Service">Who made it.</param>
/// <param name="Trace">Its trace's id.</param>
/// <param name="Id">Its own id.</param>
/// <param name="Parent">Its parent's id; empty for none.</param>
/// <param name="Name">What was done.</param>
internal sealed record CollectedSpan(string Service, string Trace, string Id, string Parent, string Name)
{
    /// <summary>Every span that was sent to <c>/v1/traces</c>.</summary>
    public static IReadOnlyList<CollectedSpan> Of(HttpLedger collector) =>
        [.. from request in collector.Requests where request.Path == "/v1/traces" from resource in Fields(request.Body, 1) from span in Spans(resource) select span];

    // Field numbers of opentelemetry-proto: resource 1 (attributes 1: key 1, value 2: string 1), scope spans 2 (spans 2: trace 1, id 2, parent 4, name 5).
    private static IEnumerable<CollectedSpan> Spans(byte[] resource)
    {
        var service = (from described in Fields(resource, 1)
                       from attribute in Fields(described, 1)
                       where Text(attribute, 1) == "service.name"
                       from value in Fields(attribute, 2)
                       select Text(value, 1)).Single();
        return from scope in Fields(resource, 2)
               from span in Fields(scope, 2)
               select new CollectedSpan(service, Hex(span, 1), Hex(span, 2), Hex(span, 4), Text(span, 5));
    }

    private static string Text(byte[] message, int field) => Encoding.UTF8.GetString(Fields(message, field).SingleOrDefault() ?? []);

    private static string Hex(byte[] message, int field) => Convert.ToHexStringLower(Fields(message, field).SingleOrDefault() ?? []);

    // Protobuf: each field is a number and a kind, then a number, eight bytes, a length and so many bytes, or four bytes.
    private static List<byte[]> Fields(byte[] message, int wanted)
    {
        var found = new List<byte[]>();
        for (var at = 0; at < message.Length;)
        {
            var tag = Number();
            var length = (tag & 7) switch { 0 => Skipped(), 1 => 8, 2 => (int)Number(), _ => 4 };
            if (tag >> 3 == (ulong)wanted && (tag & 7) == 2)
            {
                found.Add(message[at..(at + length)]);
            }

            at += length;

            ulong Number()
            {
                var number = 0UL;
                for (var shift = 0; ; shift += 7)
                {
                    number |= (ulong)(message[at] & 127) << shift;
                    if (message[at++] < 128)
                    {
                        return number;
                    }
                }
            }

            int Skipped()
            {
                Number();
                return 0;
            }
        }

        return found;
    }
}
