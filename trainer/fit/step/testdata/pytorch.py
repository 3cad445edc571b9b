"""Training steps of XNet in PyTorch, for BenchmarkPyTorch: a line on standard input is answered by
the milliseconds of one step. Arguments: width, pictures in a batch, threads."""
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, channels, filters):
        super().__init__()
        self.kernel = nn.Conv2d(channels, filters, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01)

    def forward(self, x):
        return F.relu(self.norm(self.kernel(x)))


def up(x):
    return F.interpolate(x, scale_factor=2, mode="nearest")


def join(a, b):
    return torch.cat([a, b], 1)


class XNet(nn.Module):
    """The table in model/xnet.go."""

    def __init__(self, w):
        super().__init__()
        shapes = [(1, w), (w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w), (8 * w, 8 * w), (8 * w, 4 * w), (8 * w, 2 * w),
                  (4 * w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w), (8 * w, 8 * w), (8 * w, 4 * w), (8 * w, 2 * w), (4 * w, w)]
        self.a = nn.ModuleList(Block(i, o) for i, o in shapes)
        self.output = nn.Conv2d(2 * w, 3, 1)

    def forward(self, x):
        a, pool = self.a, lambda t: F.max_pool2d(t, 2)
        a1 = a[0](x)
        a2 = a[1](pool(a1))
        a3 = a[2](pool(a2))
        a6 = a[5](up(a[4](a[3](pool(a3)))))
        a7 = a[6](up(join(a3, a6)))
        a8 = a[7](join(a2, a7))
        a9 = a[8](pool(a8))
        a12 = a[11](up(a[10](a[9](pool(a9)))))
        a13 = a[12](up(join(a9, a12)))
        a14 = a[13](up(join(a8, a13)))
        return self.output(join(a1, a14))


def main():
    width, batch, threads = map(int, sys.argv[1:])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    net = XNet(width).to(memory_format=torch.channels_last)
    x = torch.randn(batch, 1, 200, 200).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 3, (batch, 200, 200))
    kernels = [m.weight for m in net.modules() if isinstance(m, nn.Conv2d)]
    adam = torch.optim.Adam(net.parameters(), lr=1e-4)
    for _ in sys.stdin:
        start = time.perf_counter()
        adam.zero_grad()
        loss = F.cross_entropy(net(x), labels) + 5e-4 * sum((k * k).sum() for k in kernels)
        loss.backward()
        adam.step()
        loss.item()
        print(1000 * (time.perf_counter() - start), flush=True)


main()
