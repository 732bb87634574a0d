namespace Microsoft.Extensions.Time.Testing;

/// <summary>When a timer fires next, in ticks. Of those due together the one appointed at an earlier time goes first, then the one set first.</summary>
internal readonly record struct Appointment(long Due, long AppointedAt, long Order, FakeTimer Timer) : IComparable<Appointment>
{
    public int CompareTo(Appointment other) => (Due, AppointedAt, Order).CompareTo((other.Due, other.AppointedAt, other.Order));
}
