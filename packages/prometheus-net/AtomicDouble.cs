namespace Prometheus;

/// <summary>A double that many threads add to without a lock.</summary>
internal struct AtomicDouble
{
    private long _bits;

    public double Value
    {
        readonly get => BitConverter.Int64BitsToDouble(Interlocked.Read(in _bits));
        set => Interlocked.Exchange(ref _bits, BitConverter.DoubleToInt64Bits(value));
    }

    public void Add(double increment)
    {
        for (var seen = Interlocked.Read(in _bits); ;)
        {
            var next = BitConverter.DoubleToInt64Bits(BitConverter.Int64BitsToDouble(seen) + increment);
            var before = Interlocked.CompareExchange(ref _bits, next, seen);
            if (before == seen)
            {
                return;
            }

            seen = before;
        }
    }

    public void RaiseTo(double target) => MoveTo(target, static (value, to) => value < to);

    public void LowerTo(double target) => MoveTo(target, static (value, to) => value > to);

    private void MoveTo(double target, Func<double, double, bool> shouldMove)
    {
        for (var seen = Interlocked.Read(in _bits); shouldMove(BitConverter.Int64BitsToDouble(seen), target);)
        {
            var before = Interlocked.CompareExchange(ref _bits, BitConverter.DoubleToInt64Bits(target), seen);
            if (before == seen)
            {
                return;
            }

            seen = before;
        }
    }
}
