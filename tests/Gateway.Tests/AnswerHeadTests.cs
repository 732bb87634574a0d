using System.Buffers;
using System.Text;
using Connectors.Gateway.Forwarding;
using Connectors.Sdk.Invocation;
using Microsoft.AspNetCore.Http;

namespace Connectors.Gateway.Tests;

/// <summary>How the lines of an answer are read and set. Many cost as much as they are long, and not each as much as all that came before it.</summary>
public sealed class AnswerHeadTests
{
    private const long Most = 2_000_000;

    [Theory]
    [InlineData("Connection: a\r\n", 998)]
    [InlineData("X-Many: a\r\n", 998)]
    [InlineData(" a line that goes on with the one before it, as long as others are\r\n", 998)]
    public void Lines_that_belong_together_are_put_together_once(string line, int times)
    {
        var bytes = Encoding.Latin1.GetBytes($"HTTP/1.1 200 OK\r\nX-First: 1\r\n{string.Concat(Enumerable.Repeat(line, times))}Content-Length: 0\r\n\r\n");
        var before = GC.GetAllocatedBytesForCurrentThread();

        var head = AnswerHead.Parse(new ReadOnlySequence<byte>(bytes), "GET");

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Most);
        Assert.Equal(0, head.Length);
    }

    // In UTF-8 these letters end with a byte that elsewhere counts as white space.
    [Theory]
    [InlineData("X-Odd:  \u0001\u00c3\u00a0\u0001 \r\n", "\u00c3\u00a0")]
    [InlineData("X-Odd: \u00c3\u0085\u007f\r\n", "\u00c3\u0085")]
    [InlineData("X-Odd: \u00c3\u00a0\r\n \u00c3\u0085\r\n \r\n", "\u00c3\u00a0 \u00c3\u0085")]
    public void Spaces_around_a_value_are_taken_off_and_no_byte_of_its_own(string line, string value)
    {
        var bytes = Encoding.Latin1.GetBytes($"HTTP/1.1 200 OK\r\n{line}\r\n");

        Assert.Equal(value, AnswerHead.Parse(new ReadOnlySequence<byte>(bytes), "GET").Values("X-Odd").ToString());
    }

    [Fact]
    public void Lines_of_one_name_are_set_at_once_in_place_of_what_was_there()
    {
        var answer = new HeaderDictionary { ["X-Many"] = "before", ["X-Other"] = "kept" };
        List<Header> lines = [new("X-One", "1"), .. Enumerable.Range(0, 10_000).Select(i => new Header(i % 2 == 0 ? "X-Many" : "x-many", $"{i}"))];
        var before = GC.GetAllocatedBytesForCurrentThread();

        HeaderLines.Set(answer, lines, _ => true);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Most);
        Assert.Equal(Enumerable.Range(0, 10_000).Select(i => $"{i}"), answer["X-Many"].ToArray());
        Assert.Equal(("1", "kept"), (answer["X-One"].ToString(), answer["X-Other"].ToString()));
    }
}
