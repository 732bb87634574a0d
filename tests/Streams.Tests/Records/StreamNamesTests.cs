using Connectors.Sdk.Invocation;
using Connectors.Streams.Records;

namespace Connectors.Streams.Tests.Records;

public class StreamNamesTests
{
    [Theory]
    [InlineData("figlet", "figlet")]
    [InlineData("a-b_C9", "a-b_C9")]
    [InlineData("a.b", "a=2Eb")]
    [InlineData("a=b", "a=3Db")]
    [InlineData("*>", "=2A=3E")]
    [InlineData(" ", "=20")]
    [InlineData("ü", "=C3=BC")]
    [InlineData("", "")]
    public void A_token_escapes_all_but_letters_digits_underscore_and_hyphen(string text, string token)
    {
        Assert.Equal(token, StreamNames.Token(text));
        Assert.Equal(text, StreamNames.FromToken(token));
    }

    [Fact]
    public void Any_text_comes_back_from_its_token_which_is_a_single_legal_one()
    {
        var random = new Random(7);
        for (var i = 0; i < 2_000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 30)).Select(_ => new System.Text.Rune(random.Next(0xe000, 0x110000)).ToString() + (char)random.Next(0, 0x80)));

            var token = StreamNames.Token(text);

            Assert.DoesNotContain(token, c => !(char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '='));
            Assert.Equal(text, StreamNames.FromToken(token));
        }
    }

    [Theory]
    [InlineData("a=")]
    [InlineData("a=4")]
    [InlineData("a=ZZ")]
    [InlineData("=+1")]
    [InlineData("= 1")]
    public void A_foreign_token_is_told_apart(string token) => Assert.Null(StreamNames.FromToken(token));

    [Theory]
    [InlineData("faas-request", true)]
    [InlineData("0", true)]
    [InlineData("a_b-c", true)]
    [InlineData("", false)]
    [InlineData("-a", false)]
    [InlineData("A", false)]
    [InlineData("a.b", false)]
    [InlineData("a\n", false)]
    [InlineData("ä", false)]
    public void Queue_names_are_checked(string name, bool isValid) => Assert.Equal(isValid, StreamNames.QueueName().IsMatch(name));

    [Fact]
    public void A_queue_name_has_at_most_63_characters()
    {
        Assert.Matches(StreamNames.QueueName(), new string('a', 63));
        Assert.DoesNotMatch(StreamNames.QueueName(), new string('a', 64));
    }

    [Fact]
    public void Names_are_those_of_the_wire_contract()
    {
        var function = new FunctionName("my.fn", "openfaas-fn");

        Assert.Equal("OF_q", StreamNames.Calls("q"));
        Assert.Equal("OF_q_CALLBACKS", StreamNames.Callbacks("q"));
        Assert.Equal("OF_q_DEAD", StreamNames.Dead("q"));
        Assert.Equal("q.call.high.openfaas-fn.my=2Efn", StreamNames.CallSubject("q", Priority.High, function));
        Assert.Equal("q.call.normal.openfaas-fn.my=2Efn", StreamNames.CallSubject("q", Priority.Normal, function));
        Assert.Equal("q.callback.openfaas-fn.my=2Efn", StreamNames.CallbackSubject("q", function));
        Assert.Equal("q.dead.expired.openfaas-fn.my=2Efn", StreamNames.DeadSubject("q", DeadKind.Expired, function));
        Assert.Equal(("q.call.*.openfaas-fn.my=2Efn", "q.call.>"), (StreamNames.CallSubjects("q", function), StreamNames.CallSubjects("q", null)));
        Assert.Equal(("q.aside.*.*.openfaas-fn.my=2Efn", "q.aside.>"), (StreamNames.AsideSubjects("q", function), StreamNames.AsideSubjects("q", null)));
        Assert.Equal("fn:openfaas-fn:my=2Efn:high", StreamNames.FunctionConsumer(function, Priority.High));
    }

    [Theory]
    [InlineData("OF_q", "q")]
    [InlineData("OF_q_ASIDE", "q")]
    [InlineData("OF_q_CALLBACKS", "q")]
    [InlineData("OF_q_DEAD", "q")]
    [InlineData("OF_a_b-c_DEAD", "a_b-c")]
    [InlineData("OF_q_HISTORY", null)]
    [InlineData("OF_Q_DEAD", null)]
    [InlineData("OF_ASIDE", null)]
    [InlineData("OF__DEAD", null)]
    [InlineData("OF_", null)]
    [InlineData("X_ASIDE", null)]
    [InlineData("KV_OF_paused", null)]
    public void A_stream_tells_the_queue_that_is_there_by_it(string stream, string? queue)
    {
        Assert.Equal(queue, StreamNames.QueueOf(stream));
        if (queue is not null)
        {
            Assert.Contains(stream, StreamNames.StreamsOf(queue));
        }
    }

    [Fact]
    public void A_subject_tells_its_function()
    {
        var function = new FunctionName("my.fn", "a.b");

        Assert.Equal(function, StreamNames.FunctionOf(StreamNames.CallSubject("q", Priority.High, function)));
        Assert.Equal(function, StreamNames.FunctionOf(StreamNames.CallbackSubject("q", function)));
        Assert.Equal(function, StreamNames.FunctionOf(StreamNames.DeadSubject("q", DeadKind.Call, function)));
        Assert.Null(StreamNames.FunctionOf("a.b"));
        Assert.Null(StreamNames.FunctionOf("q.call.high.=zz.fn"));
    }

    [Fact]
    public void Message_ids_name_the_run_they_belong_to()
    {
        var (one, two) = (new FunctionName("a", "n"), new FunctionName("b", "n"));

        // printf 'n\na\nk' | sha256sum, in base64url.
        Assert.Equal("c.mWwdGcjrhknMwBWo1PZzIC8_wwyZQK8mW_D-r9anSRE", StreamNames.CallMessageId(one, "k"));
        Assert.NotEqual(StreamNames.CallMessageId(one, "k"), StreamNames.CallMessageId(two, "k"));
        Assert.Equal("r.d.1.2", StreamNames.RetryMessageId("d", 1, 2));
        Assert.Equal("b.d.1", StreamNames.CallbackMessageId("d", 1));
        Assert.Equal("b.d.1.2", StreamNames.CallbackRetryMessageId("d", 1, 2));
        Assert.Equal("d.d.1", StreamNames.DeadMessageId("d", 1));
        Assert.Equal("d.b.d.1", StreamNames.DeadCallbackMessageId("d", 1));
        Assert.Equal("v.d.1", StreamNames.RedriveMessageId("d", 1));
        Assert.Equal("d.f.OF_q.7.0", StreamNames.ForeignMessageId("OF_q", 7, DateTimeOffset.MinValue));
        Assert.Equal("n.OF_q.7.0", StreamNames.NewerCopyMessageId("OF_q", 7, DateTimeOffset.MinValue));
        Assert.NotEqual(StreamNames.ForeignMessageId("OF_q", 7, default), StreamNames.ForeignMessageId("OF_q_CALLBACKS", 7, default));
    }
}
