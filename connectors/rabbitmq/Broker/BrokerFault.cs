using System.Net.Sockets;
using System.Security.Authentication;
using Connectors.Sdk.Hosting;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Connectors.RabbitMq.Broker;

/// <summary>Why something that we asked of the broker failed, in a word for metrics and in a sentence for the operator.</summary>
/// <param name="Kind">unreachable, timeout, credentials, tls, denied, missing, locked, mismatch, stream, unreadable, gateway, closed or other.</param>
/// <param name="Text">What is wrong and where to look.</param>
internal sealed record BrokerFault(string Kind, string Text)
{
    /// <summary>A stream gives what is not acked to nobody else, nor again: what a function does not take would be lost.</summary>
    public static BrokerFault Stream(string name) => new(
        "stream", $"{name} is a stream, which never gives a message again that was not acked: bind a classic or quorum queue to the same exchange and name that in queues");

    /// <summary>Its owner knows its arguments and bindings: one that is made in its place would lack them, and be in the way of the right one.</summary>
    public static BrokerFault Missing(string reply) => new(
        "missing", $"{reply}: once it is declared it is used. It is not made here, for it was there before and is its owner's, or declare_queues=false keeps it from being made");

    /// <summary>A broker waits only so long for what is here.</summary>
    public static BrokerFault Away(string name, TimeSpan lasted) => new(
        "gateway", $"the gateway is out of reach, for {GoDuration.Format(lasted)} already: what is here of {name} goes back, and the queue is consumed again once the gateway lists its functions");

    /// <summary>It takes no connection, or takes one and says nothing.</summary>
    public static BrokerFault Silent(BrokerOptions broker) => new("unreachable", $"cannot reach {broker.Address}: no answer within {GoDuration.Format(broker.AnswerTime)}");

    /// <summary>It is there, and does not answer a request: nothing is wrong with the connection.</summary>
    public static BrokerFault Late(string request, BrokerOptions broker) => new(
        "timeout", $"the broker did not answer {request} within {GoDuration.Format(broker.AnswerTime)}; one that lacks the majority of a quorum queue's nodes does not");

    public static BrokerFault Of(Exception fault, BrokerOptions broker) => fault switch
    {
        BrokerException own => new(own.Kind, own.Message),
        BrokerUnreachableException { InnerException: { } inner } => Of(inner, broker),
        AggregateException { InnerException: { } inner } => Of(inner, broker),
        AuthenticationFailureException or PossibleAuthenticationFailureException =>
            new("credentials", $"{broker.Address} does not accept the user; see username_file and password_file (guest may only connect from the broker's own machine)"),
        AuthenticationException => new("tls", $"no TLS with {broker.Address}: {fault.Message}"),
        OperationInterruptedException { ShutdownReason: { } reason } => Of(reason, broker),
        _ when fault.GetBaseException() is SocketException socket => new("unreachable", $"cannot reach {broker.Address}: {socket.Message}"),
        ConnectFailureException or IOException or TimeoutException or OperationCanceledException => new("unreachable", $"cannot reach {broker.Address}: {fault.GetBaseException().Message}"),
        _ => new("other", fault.GetBaseException().Message),
    };

    public static BrokerFault Of(ShutdownEventArgs reason, BrokerOptions broker) => reason.ReplyCode switch
    {
        Constants.AccessRefused => new("denied", $"not allowed: {reason.ReplyText}"),
        Constants.NotFound => new("missing", reason.ReplyText),
        Constants.ResourceLocked => new("locked", reason.ReplyText),
        Constants.PreconditionFailed => new("mismatch", reason.ReplyText),
        Constants.NotAllowed => new("denied", $"{broker.Address}: {reason.ReplyText}"),
        Constants.SyntaxError or Constants.FrameError or Constants.InternalError when reason is { Initiator: ShutdownInitiator.Library, Exception: not (IOException or SocketException) } =>
            new("unreadable", $"the client cannot read a message, and ended the connection: {reason.ReplyText}. Take it out of the queue by other means, unless the queue's delivery limit does"),
        _ => new("closed", $"the connection to {broker.Address} ended: {reason.ReplyText}"),
    };
}

/// <summary>A fault that was already put in words.</summary>
internal sealed class BrokerException(BrokerFault fault) : Exception(fault.Text)
{
    public string Kind => fault.Kind;
}
